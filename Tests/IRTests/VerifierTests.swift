import FixresIR
import TestSupport
import Testing

@Suite struct VerifierTests {
  private func graph(_ body: String) throws -> Graph {
    try GraphParser.parse("graph @g {\n\(body)\n}\n")
  }

  @Test func collectsAllFaults() throws {
    let graph = try graph(
      """
        input %x: f32[N,3,8,8]
        input %second: f32[N,3,8,8]
        constant %w: f32[4,2,3,3]
        constant %b: f32[N,4]
        %wrong = relu %x : f32[N,3,8,7]
        %conv = conv2d %x, %w {strides = [1, 1], padding = [0, 0, 0, 0], groups = 1, activation = none} : f32[N,4,6,6]
        %pool = globalAveragePool %x : f32[N,3,1,1]
        %sum = add %x, %pool : f32[N,3,8,8]
        %flat = flatten %pool : f32[N,3]
        output features = %w
        output features = %flat
      """)
    let faults = Verifier.faults(in: graph)
    var kinds: [String] = []
    for fault in faults {
      switch fault.kind {
      case .input: kinds.append("input")
      case .constant: kinds.append("constant")
      case .output: kinds.append("output")
      case .wrongType(let written, let inferred):
        #expect(written == .image(3, 8, 7) && inferred == .image(3, 8, 8))
        #expect(fault.node == "%wrong = relu %x : f32[N,3,8,7]")
        kinds.append("wrongType")
      case .typeFault(.channels(let expected, let found)):
        #expect(expected == 3 && found == 2)
        #expect(fault.node.hasPrefix("%conv = conv2d %x, %w"))
        kinds.append("channels")
      case .typeFault(.mismatch(let a, let b)):
        #expect(a == .image(3, 8, 8) && b == .image(3, 1, 1))
        kinds.append("mismatch")
      default: kinds.append("\(fault.kind)")
      }
    }
    // Two outputs of one name, one of them a constant.
    #expect(
      kinds.sorted() == [
        "channels", "constant", "input", "mismatch", "output", "output", "wrongType",
      ])
    #expect(throws: IRError.unverified(faults)) { try Verifier.check(graph) }
  }

  @Test(arguments: [
    "input %x: f32[N,3,8]", "input %x: f32[3,8,8]", "input %x: f32[N,3,0,8]",
    "input %x: f32[N,1048576,1048576,1048576]",
  ]) func refusesInputsThatAreNoPictures(declaration: String) throws {
    let graph = try graph("  \(declaration)\n  output logits = %x")
    #expect(Verifier.faults(in: graph).contains { if case .input = $0.kind { true } else { false } })
  }

  @Test func findsNothingInSoundNetworks() throws {
    for seed in UInt64(0)..<100 {
      let model = try RandomNetwork.make(seed: seed)
      #expect(Verifier.faults(in: model.graph).isEmpty, "seed \(seed)")
    }
  }

  /// Whatever one type is changed to, the verifier sees it.
  @Test(arguments: UInt64(0)..<20) func seesEveryWrongType(seed: UInt64) throws {
    let graph = try RandomNetwork.make(seed: seed).graph
    for node in graph.nodes {
      let text = GraphPrinter.text(of: node, in: graph)
      let old = graph[node.result].type
      let bent = TensorType(batched: old.batched, old.dims.map { $0 + 1 })
      let wrong = String(text.dropLast(old.description.count)) + bent.description
      let broken = GraphPrinter.text(of: graph).split(separator: "\n").map {
        $0 == "  " + text ? "  " + wrong : String($0)
      }
      let parsed = try GraphParser.parse(broken.joined(separator: "\n") + "\n")
      #expect(!Verifier.faults(in: parsed).isEmpty, "seed \(seed): \(text)")
    }
  }

  @Test func modelsNeedTheirConstants() throws {
    let model = try RandomNetwork.make(seed: 3)
    let name = try #require(model.constants.names.first)
    var constants = model.constants
    constants[name] = nil
    #expect(throws: IRError.missingConstant(name)) {
      try Model(graph: model.graph, constants: constants, metadata: model.metadata)
    }
    let shape = try #require(model.constants[name]).shape
    let bent = Tensor(shape: shape + [1], model.constants[name]?.floats ?? [])
    let fault = IRError.constantShape(name: name, expected: shape, found: shape + [1])
    constants[name] = bent
    #expect(throws: fault) {
      try Model(graph: model.graph, constants: constants, metadata: model.metadata)
    }
    var edited = model
    #expect(throws: fault) { try edited.setConstant(name, to: bent) }
    #expect(throws: IRError.unknownValue("nothing")) { try edited.setConstant("nothing", to: bent) }
    #expect(edited == model)
  }
}
