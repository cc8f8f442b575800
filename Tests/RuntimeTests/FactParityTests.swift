import FixresBase
import FixresFormats
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Every value of every fact of a network, stated beside weights that do not tell it, against torch
/// (Tests/Fixtures/facts).
@Suite struct FactParityTests {
  /// One entry of manifest.json.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var weights: String
    var network: String
    var channels: Int
    var sizes: [Int]
    /// timm's `model_args` that state the same.
    var configuration: JSON?

    var testDescription: String { "\(weights) \(network)" }

    static let all: [Case] = {
      guard let bytes = try? MappedFile.open(TestData.fixture("facts/manifest.json")),
        let entries = try? JSON.parse(bytes).arrayValue
      else { return [] }
      return entries.map { entry in
        Case(
          name: entry["name"]?.stringValue ?? "", weights: entry["weights"]?.stringValue ?? "",
          network: entry["network"]?.stringValue ?? "", channels: entry["channels"]?.integerValue ?? 0,
          sizes: (entry["sizes"]?.arrayValue ?? []).compactMap(\.integerValue), configuration: entry["config"]
        )
      }
    }()

    func load(trainedAt side: Int) throws -> ImportResult {
      var options = ImportOptions()
      if !network.isEmpty { options.network = try NetworkFact.list(parsing: network) }
      options.trainResolution = Extent(square: side)
      return try Importer.load(path: TestData.fixture("facts/\(weights)"), options: options)
    }

    /// The inputs of make.py.
    func pictures(_ side: Int) -> [Float] {
      let plane = side * side
      let rgb = ParityTests.pictures(2, side)
      return (0..<2).flatMap { image -> [Float] in
        let own = Array(rgb[image * 3 * plane..<(image + 1) * 3 * plane])
        return channels < 3
          ? Array(own[..<plane]) : channels == 3 ? own : own + own[..<plane].map { $0 * 0.5 }
      }
    }
  }

  @Test func everyCaseIsThere() { #expect(Case.all.count >= 80) }

  /// A fact without a case, or a value of a closed list without one, fails.
  @Test func everyFactAndValueHasACase() throws {
    let stated = try Case.all.filter { !$0.network.isEmpty }.flatMap {
      try NetworkFact.list(parsing: $0.network)
    }
    for name in NetworkFact.Name.allCases { #expect(stated.contains { $0.name == name }, "\(name)") }
    let lists: [(NetworkFact.Name, [String])] = [
      (.stemPool, StemPoolKind.forms), (.gate, GateKind.forms), (.shortcut, ShortcutKind.forms),
      (.antiAlias, AntiAliasing.forms), (.strideOn, StridePlacement.forms),
      (.activation, ActivationFunction.forms.map { String($0.prefix { $0 != ":" }) }),
      (.pool, GlobalPool.forms.map { String($0.prefix { $0 != ":" }) }),
    ]
    for (name, forms) in lists {
      let values = Set(stated.filter { $0.name == name }.map { String($0.text.prefix { $0 != ":" }) })
      // ReLU and the projection are what the other cases have.
      for form in forms where !["relu", "projection"].contains(form) {
        #expect(values.contains(form), "\(name)=\(form)")
      }
    }
  }

  private func check(_ model: Model, _ test: Case, at side: Int, _ context: String) throws {
    let input = test.pictures(side)
    let expected = try Npy.read(try MappedFile.open(TestData.fixture("facts/\(test.name).\(side).npy")))
      .floats()
    let output = model.classCount > 0 ? GraphOutput.logits : GraphOutput.features
    let oracle = try ReferenceInterpreter(model, input: input, batch: 2).output(output)?.elements
    let engine = try Session(model: model, options: SessionOptions(threads: 1, maximumBatch: 2)).run(input)
    let scale = expected.map(abs).max() ?? 0
    for (name, found) in [
      ("oracle", oracle ?? []), ("engine", model.classCount > 0 ? engine.logits : engine.features),
    ] {
      #expect(found.count == expected.count, "\(name) \(context)")
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference <= 1e-5 * scale, "\(name) \(context) at \(side): \(difference) of \(scale)")
    }
  }

  @Test(arguments: Case.all)
  func statedFactsGiveTorchsOutput(_ test: Case) throws {
    for side in test.sizes {
      try check(try test.load(trainedAt: side).model, test, at: side, "unfused")
    }
  }

  @Test(arguments: Case.all)
  func adaptedNetworksGiveTorchsOutput(_ test: Case) throws {
    let model = try test.load(trainedAt: test.sizes[0]).model
    for side in test.sizes {
      try check(try Adapt.run(model, to: Extent(square: side)).model, test, at: side, "adapted")
    }
  }

  /// The same facts from a configuration file.
  @Test(arguments: Case.all.filter { $0.configuration != nil })
  func timmsArgumentsStateTheSame(_ test: Case) throws {
    let folder = try TemporaryFolder()
    var configuration = test.configuration?.objectValue ?? JSON.Object()
    configuration["architecture"] = "test_resnet"
    try AtomicFileWriter.write(
      Array(JSON.object(configuration).serialized().utf8), to: folder.path + "/config.json")
    let path = folder.path + "/model.safetensors"
    try AtomicFileWriter.write(try MappedFile.open(TestData.fixture("facts/\(test.weights)")).array, to: path)
    var options = ImportOptions()
    options.trainResolution = Extent(square: test.sizes[0])
    try check(
      try Importer.load(path: path, options: options).model, test, at: test.sizes[0], "configuration")
  }

  /// Weights that were exported read back as the same network: facts that they do not tell are kept beside them.
  @Test(arguments: Case.all)
  func exportedWeightsKeepTheFacts(_ test: Case) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/weights.safetensors"
    let model = try test.load(trainedAt: test.sizes[0]).model
    _ = try SafeTensorsExporter.write(model, to: path)
    var options = ImportOptions()
    options.trainResolution = Extent(square: test.sizes[0])
    let read = try Importer.load(path: path, options: options).model
    #expect(read.graph == model.graph)
    try check(read, test, at: test.sizes[0], "exported")
  }

  /// A rebuilt model is the one that the same facts as options give.
  @Test(arguments: Case.all.filter { !$0.network.isEmpty })
  func rebuiltNetworksAreThoseOfTheOptions(_ test: Case) throws {
    var options = ImportOptions()
    options.trainResolution = Extent(square: test.sizes[0])
    let plain = try Importer.load(path: TestData.fixture("facts/\(test.weights)"), options: options)
    let rebuilt = try plain.rebuilt(stating: try NetworkFact.list(parsing: test.network))
    let stated = try test.load(trainedAt: test.sizes[0])
    #expect(rebuilt.model.graph == stated.model.graph)
    #expect(rebuilt.model.constants == stated.model.constants)
  }
}
