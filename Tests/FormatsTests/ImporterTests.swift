import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct ImporterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func load(
    _ tensors: NamedTensors, _ change: (inout ImportOptions) -> Void = { _ in }
  ) throws -> ImportResult {
    var options = ImportOptions()
    change(&options)
    return try Importer.load(
      path: try folder.write(tensors.safetensors, "model.safetensors"), options: options)
  }

  private func basic() throws -> NamedTensors { try NamedTensors(fixture: "torchvision-basic") }

  // MARK: Names

  @Test func namingAndContainerLeaveNoTrace() throws {
    let original = try Importer.load(path: TestData.fixture("architectures/torchvision-basic/model.pth"))
    let copy = try load(try basic())
    #expect(GraphPrinter.text(of: original.model.graph) == GraphPrinter.text(of: copy.model.graph))
    #expect(original.model.constants == copy.model.constants)
    let kuangliu = try basic().renamed { name in
      let head = name.hasPrefix("fc.") ? "linear." + name.dropFirst(3) : name
      let parts = head.split(separator: ".").map { $0 == "downsample" ? "shortcut" : String($0) }
      return parts.joined(separator: ".")
    }
    let renamed = try load(kuangliu)
    #expect(renamed.model.graph == original.model.graph)
    #expect(renamed.model.constants == original.model.constants)
  }

  @Test(.enabled(if: TestData.shared("models/labels.txt") != nil, "needs ../shared"))
  func bothFilesOfTheSharedModelGiveOneModel() throws {
    let zip = try #require(TestData.shared("models/resnet18w32-imagenette-r112.pth"))
    let flat = try #require(TestData.shared("models/resnet18w32-imagenette-r112.safetensors"))
    var options = ImportOptions()
    options.labels = TestData.shared("models/labels.txt")
    options.trainResolution = Extent(square: 112)
    let first = try Importer.load(path: zip, options: options)
    let second = try Importer.load(path: flat, options: options)
    #expect(first.architecture == "resnet18w32")
    #expect(GraphPrinter.text(of: first.model.graph) == GraphPrinter.text(of: second.model.graph))
    #expect(first.model.constants == second.model.constants)
    #expect(first.model.metadata.labels.count == 10)
    #expect(first.ignored.count == 20)
  }

  @Test("row 9: missing and misshapen are named with the file") func missingAndMisshapenAreNamedWithTheFile()
    throws
  {
    let without = try basic().filter { $0 != "layer2.0.bn1.running_mean" }
    #expect(
      architectureError { _ = try load(without) }
        == .missingTensor(name: "layer2.0.bn1.running_mean", expected: ShapePattern([12])))
    var wrong = try basic()
    let place = try #require(wrong.tensors.firstIndex { $0.name == "layer2.0.conv2.weight" })
    wrong.tensors[place].shape = [12, 12, 9, 1]
    #expect(
      architectureError { _ = try load(wrong) }
        == .misshapenTensor(
          name: "layer2.0.conv2.weight", expected: ShapePattern([nil, 12, 3, 3]), found: [12, 12, 9, 1]))
  }

  /// Names of values and constants are what passes, `compare` and `export` refer to.
  @Test(arguments: [
    "torchvision-bottleneck-legacy", "timm-t-se-bottleneck", "timm-rs-mixed", "cifar-option-a",
    "huggingface-basic",
  ])
  func importedGraphsReadAsTheyDid(_ fixture: String) throws {
    let files = ["model.th", "model.pth", "model.safetensors"].map {
      TestData.fixture("architectures/\(fixture)/\($0)")
    }
    let path = try #require(files.first { (try? MappedFile.open($0)) != nil })
    let graph = try Importer.load(path: path).model.graph
    let difference = Golden.difference(GraphPrinter.text(of: graph), from: "architectures/\(fixture).txt")
    #expect(difference == nil)
    #expect(
      GraphPrinter.text(of: try GraphParser.parse(GraphPrinter.text(of: graph)))
        == GraphPrinter.text(of: graph))
  }

  // MARK: Numbers

  @Test("row 14: numbers that are none are named", arguments: [Float.nan, .infinity, -.infinity])
  func numbersThatAreNoneAreNamed(_ value: Float) throws {
    for name in ["conv1.weight", "layer3.0.bn2.bias", "fc.weight", "layer1.0.bn1.running_var"] {
      var tensors = try basic()
      let last = tensors[name].count - 1
      tensors[name][last] = value
      let error = architectureError { _ = try load(tensors) }
      guard case .notFinite(let found, let index, _) = error else {
        Issue.record("\(value) in \(name): \(String(describing: error))")
        continue
      }
      #expect(found == name && index == last)
    }
  }

  @Test("row 14: variance without a square root is refused") func varianceWithoutASquareRootIsRefused() throws
  {
    var tensors = try basic()
    tensors["layer1.0.bn2.running_var"][3] = -0.5
    #expect(
      architectureError { _ = try load(tensors) }
        == .negativeVariance(name: "layer1.0.bn2.running_var", index: 3, value: -0.5))
  }

  @Test("row 14: odd but legal numbers are noted") func oddButLegalNumbersAreNoted() throws {
    var tensors = try basic()
    tensors["bn1.weight"][0] = 0
    tensors["bn1.running_var"][1] = 1e-20
    let notes = try load(tensors).notes
    #expect(notes.contains { $0.hasPrefix("bn1.weight: 1 of 6 scales are 0") })
    #expect(notes.contains { $0.hasPrefix("bn1.running_var: 1 of 6 variances") })
  }

  // MARK: Options

  @Test func optionsSettleWhatTheyName() throws {
    let labels = try folder.write((0..<10).map { "class \($0)\r\n" }.joined(), "labels.txt")
    let result = try load(try basic()) {
      $0.batchNormEpsilon = 1e-3
      $0.trainResolution = Extent(square: 96)
      $0.mean = [0.5, 0.25, 0.125]
      $0.standardDeviation = [0.5, 0.5, 1]
      $0.labels = labels
    }
    let metadata = result.model.metadata
    #expect(metadata.trainResolution == Extent(square: 96))
    #expect(result.model.graph.resolution == Extent(square: 96))
    #expect(metadata.preprocessing.mean == [0.5, 0.25, 0.125])
    #expect(metadata.preprocessing.standardDeviation == [0.5, 0.5, 1])
    #expect(metadata.labels.first == "class 0" && metadata.labels.count == 10)
    #expect(
      !result.assumed.contains {
        $0.contains("bn-eps") || $0.contains("mean") || $0.contains("train-resolution")
      })
    for node in result.model.graph.nodes {
      if case .batchNorm(let norm) = node.op { #expect(norm.epsilon == 1e-3) }
    }
  }

  @Test func withoutConfigurationEverythingAssumedIsListed() throws {
    let result = try load(try basic())
    #expect(result.model.metadata.assumptions == result.assumed)
    for word in [
      "activation=relu", "bn-eps=1e-05", "train-resolution=224", "crop-share=0.875", "mean=", "std=",
    ] {
      #expect(result.assumed.contains { $0.contains(word) }, "\(word)")
    }
    #expect(result.model.metadata.preprocessing == .imageNet)
  }

  @Test func archMustAgreeWithTheWeights() throws {
    #expect(try load(try basic()) { $0.architecture = "resnet10" }.architecture == "resnet10w6")
    let error = architectureError { _ = try load(try basic()) { $0.architecture = "resnet50" } }
    guard case .mismatch(_, let requested, let found, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(requested == "resnet50" && found.hasPrefix("resnet10w6"))
    #expect(architectureError { _ = try load(try basic()) { $0.architecture = "resnet51" } } != nil)
  }

  @Test func impossibleOptionsAreRefused() throws {
    let changes: [(inout ImportOptions) -> Void] = [
      { $0.trainResolution = Extent(square: 0) }, { $0.trainResolution = Extent(square: 32769) },
      { $0.batchNormEpsilon = 0 }, { $0.batchNormEpsilon = .nan }, { $0.mean = [1, 2] },
      { $0.standardDeviation = [1, 0, 1] }, { $0.mean = [.infinity, 0, 0] },
    ]
    for change in changes {
      #expect(architectureError { _ = try load(try basic(), change) } != nil)
    }
  }

  @Test func labelFilesMustHaveALineAClass() throws {
    let nine = try folder.write("a\nb\nc\nd\ne\nf\ng\nh\ni\n", "nine.txt")
    #expect(
      architectureError { _ = try load(try basic()) { $0.labels = nine } }
        == .labelCount(path: nine, expected: 10, found: 9))
    let synsets = try folder.write((0..<10).map { "n0000000\($0) tench, Tinca\n" }.joined(), "synsets.txt")
    let metadata = try load(try basic()) { $0.labels = synsets }.model.metadata
    #expect(metadata.synsets[3] == "n00000003" && metadata.labels[3] == "tench, Tinca")
    let broken = try folder.write([0xFF, 0xFE, 0x0A], "broken.txt")
    #expect(architectureError { _ = try load(try basic()) { $0.labels = broken } } != nil)
  }

  // MARK: .bin

  @Test func ourOwnFilesOpenLikeAnyOther() throws {
    let original = try load(try basic())
    let path = folder.path + "/model.bin"
    try ModelFile.write(original.model, to: path)
    let opened = try Importer.load(path: path)
    #expect(opened.model == original.model)
    #expect(opened.parameters == original.parameters)
    var options = ImportOptions()
    options.architecture = "resnet10"
    #expect(throws: FormatError.self) { _ = try Importer.load(path: path, options: options) }
  }
}
