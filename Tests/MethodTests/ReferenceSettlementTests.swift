import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// One example of what a network gives settles what its checkpoint leaves open.
@Suite struct ReferenceSettlementTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A narrow network as a checkpoint, imported: all that its file leaves open is as assumed.
  private func imported(_ name: String, side: Int = 48, seed: UInt64 = 1) throws -> ImportResult {
    let path = folder.path + "/\(name).safetensors"
    let model = try Model.syntheticResNet(name, side: side, width: 4, seed: seed)
    _ = try SafeTensorsExporter.write(model, to: path)
    var options = ImportOptions()
    options.trainResolution = Extent(square: side)
    return try Importer.load(path: path, options: options)
  }

  private static func facts(_ text: String) throws -> [NetworkFact] { try NetworkFact.list(parsing: text) }

  /// What the network of `facts` gives for noise of `side`.
  private static func pair(
    _ source: ImportResult, _ facts: [NetworkFact], side: Int = 48, count: Int = 1
  ) throws -> ReferencePair {
    let model = try source.rebuilt(stating: facts, at: Extent(square: side)).model
    let input = try NoiseInput.make(for: model.graph, batch: count)
    var options = SessionOptions()
    options.isExact = true
    let scores = try Session(model: Trunk.ready(model), options: options).run(input).logits
    return ReferencePair(
      name: "in.npy", input: .tensor(Tensor(shape: [count, 3, side, side], input)),
      outputs: Tensor(shape: [count, scores.count / count], scores))
  }

  private static func settle(
    _ source: ImportResult, _ pairs: ReferencePair...
  ) throws -> (ReferenceSettlement, ReferenceSettlement.Report) {
    var settlement = ReferenceSettlement(source, isSettled: false)
    var pairs = pairs
    let report = try settlement.run(&pairs) { _, _ in }
    return (settlement, report)
  }

  private static func isExpected(_ report: ReferenceSettlement.Report, _ text: String) throws -> Bool {
    let expected = try facts(text).map { "\($0.name.rawValue)=\($0.text)" }
    return Set(report.found.flatMap(\.facts)) == Set(expected)
  }

  @Test(arguments: [
    ("resnet18", "activation=silu"), ("resnet18", "strides=1,2,2,1"), ("resnet18", "stem-pool=max-ceil"),
    ("resnet18", "bn-eps=0.001"), ("resnet18", "pool=gem:3"), ("resnet18", "anti-alias=blur3"),
    ("resnet50", "stride-on=1x1"), ("seresnet34", "gate=hard_sigmoid"),
    ("resnet18", "activation=leaky_relu:0.1,strides=1,2,2,1"),
  ])
  func oneExampleFindsTheFacts(name: String, text: String) throws {
    let source = try imported(name)
    let pair = try Self.pair(source, try Self.facts(text))
    let (settlement, report) = try Self.settle(source, pair)
    #expect(try Self.isExpected(report, text), "\(report.found)")
    #expect(report.results.allSatisfy { $0.fits && $0.distance.difference < 1e-6 })
    let facts = settlement.result.model.metadata.facts
    for fact in try Self.facts(text) {
      let stated = facts.first { $0.name == fact.name.rawValue }
      #expect(stated?.value == fact.text && stated?.source == .reference)
    }
    #expect(
      facts.first { $0.name == "activation" }?.source == .reference, "what is as assumed is settled too")
    // The same network at another size.
    let truth = try source.rebuilt(stating: Self.facts(text), at: Extent(40, 72)).model
    let found = try Trunk.retargeted(settlement.result.model, to: Extent(40, 72))
    #expect(found.graph == truth.graph || found.graph.nodes == truth.graph.nodes)
  }

  @Test func whatIsAssumedIsVerified() throws {
    let source = try imported("resnet18")
    let (settlement, report) = try Self.settle(source, try Self.pair(source, []))
    #expect(report.found.isEmpty && report.open.isEmpty)
    let open = settlement.result.model.metadata.facts.filter(\.isAssumption).map(\.name)
    #expect(!open.contains("activation") && !open.contains("strides") && !open.contains("bn-eps"))
  }

  @Test func anotherNetworksOutputsAreRefused() throws {
    let source = try imported("resnet18")
    let other = try imported("resnet18", seed: 2)
    do {
      _ = try Self.settle(source, try Self.pair(other, []))
      Issue.record("the outputs of another network were taken")
    } catch MethodError.reference(.misfit(let misfit)) {
      #expect(misfit.difference > 1e-2 && misfit.tried > 100)
      #expect(misfit.facts.contains { $0.name == "activation" && $0.values.count == 3 })
    }
  }

  @Test func whatTheExampleCannotTellStaysAssumed() throws {
    // A map of one pixel has only zeros around it: dilation changes nothing there.
    let source = try imported("resnet18")
    let (settlement, report) = try Self.settle(source, try Self.pair(source, [], side: 16))
    #expect(report.found.isEmpty && report.open.contains { $0.hasPrefix("dilations") }, "\(report.open)")
    let facts = settlement.result.model.metadata.facts
    #expect(facts.first { $0.name == "dilations" }?.isAssumption == true)
    #expect(facts.first { $0.name == "activation" }?.source == .reference)
    // A larger one besides tells.
    let (_, both) = try Self.settle(
      source, try Self.pair(source, [], side: 16), try Self.pair(source, [], side: 48))
    #expect(both.open.isEmpty && both.results.count == 2)
  }

  @Test func sigmoidsTellWhatTheOutputsMean() throws {
    let source = try imported("resnet18")
    let pair = try Self.pair(source, [])
    let outputs = pair.outputs.floats.map { Float(1 / (1 + Self.exponential(-Double($0) / 8))) }
    // Scores an eighth as large keep their sigmoids from 0 and 1.
    var small = source
    for name in ["fc.weight", "fc.bias"] {
      let tensor = try #require(small.model.constants[name])
      try small.model.setConstant(name, to: Tensor(shape: tensor.shape, tensor.floats.map { $0 / 8 }))
    }
    var settlement = ReferenceSettlement(small, isSettled: false)
    settlement.keepsConstants = true
    var pairs = [
      ReferencePair(
        name: "in.npy", input: pair.input, outputs: Tensor(shape: pair.outputs.shape, outputs))
    ]
    let report = try settlement.run(&pairs) { _, _ in }
    #expect(report.results[0].distance.form == .sigmoid)
    #expect(settlement.result.model.metadata.outputs == .sigmoid)
  }

  private static func exponential(_ x: Double) -> Double {
    let small = x / 1024
    var (sum, term) = (1.0, 1.0)
    for index in 1..<12 {
      term *= small / Double(index)
      sum += term
    }
    return (0..<10).reduce(sum) { value, _ in value * value }
  }
}
