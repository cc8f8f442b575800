import FixresBase
import FixresIR
import TestSupport
import Testing

@Suite struct RewriterTests {
  /// `input -> relu -> sigmoid -> pool -> flat`, with one constant that nothing reads.
  private func chain() throws -> Graph {
    var builder = GraphBuilder(name: "chain")
    let input = try builder.input("input", .image(2, 6, 6))
    _ = try builder.constant("unread", shape: [3])
    let relu = try builder.append(.relu(.init()), [input], name: "relu")
    let sigmoid = try builder.append(.sigmoid(.init()), [relu], name: "sigmoid")
    let pool = try builder.append(.globalAveragePool(.init()), [sigmoid], name: "pool")
    let flat = try builder.append(.flatten(.init()), [pool], name: "flat")
    try builder.output(GraphOutput.logits, flat)
    try builder.output(GraphOutput.features, flat)
    return builder.build()
  }

  private func names(_ graph: Graph) -> [String] { graph.nodes.map { graph[$0.result].name } }

  @Test func doingNothingGivesTheSameGraph() throws {
    for seed in UInt64(0)..<50 {
      let graph = try RandomNetwork.make(seed: seed).graph
      #expect(Rewriter(graph).finish() == graph, "seed \(seed)")
    }
  }

  @Test func findsUsersAndProducers() throws {
    let graph = try chain()
    let rewriter = Rewriter(graph)
    let relu = try #require(graph.value(named: "relu"))
    #expect(rewriter.producer(of: relu) == NodeID(0))
    #expect(rewriter.users(of: relu) == [NodeID(1)])
    #expect(rewriter.producer(of: graph.inputs[0]) == nil)
    let flat = try #require(graph.value(named: "flat"))
    #expect(rewriter.users(of: flat).isEmpty && rewriter.isOutput(flat) && !rewriter.isOutput(relu))
  }

  /// After any edits the uses are those that the operands of the live nodes say.
  @Test func usesFollowEveryEdit() throws {
    for seed in UInt64(0)..<50 {
      var random = SeededRandom(seed: seed)
      let graph = try RandomNetwork.make(seed: seed, layers: 12).graph
      var rewriter = Rewriter(graph)
      for _ in 0..<30 {
        let nodes = rewriter.nodeIDs
        guard !nodes.isEmpty else { break }
        let node = nodes[random.nextInt(in: 0..<nodes.count)]
        let (result, operands) = (rewriter[node].result, rewriter[node].operands)
        if rewriter[result].type == rewriter[operands[0]].type {
          rewriter.replaceUses(of: result, with: operands[0])
        }
        if rewriter.useCount(of: result) == 0, !rewriter.isOutput(result) {
          rewriter.erase(node)
        } else {
          try rewriter.update(node, op: rewriter[node].op, operands: operands)
        }
        var expected: [ValueID: [NodeID]] = [:]
        for node in rewriter.nodeIDs {
          for operand in rewriter[node].operands { expected[operand, default: []].append(node) }
        }
        for value in graph.values.indices.map(ValueID.init) {
          let users = expected[value] ?? []
          #expect(rewriter.users(of: value) == users, "seed \(seed)")
          #expect(rewriter.useCount(of: value) == users.count)
          #expect(rewriter.onlyUser(of: value) == (users.count == 1 ? users[0] : nil))
          #expect(rewriter.isOutput(value) == rewriter.outputs.contains { $0.value == value })
        }
      }
    }
  }

  @Test func aFreeNameIsTheFirstFreeOne() throws {
    var rewriter = Rewriter(try chain())
    #expect(rewriter.freeName("other") == "other")
    for suffix in 1...3 {
      #expect(rewriter.freeName("unread") == "unread.\(suffix)")
      _ = try rewriter.addConstant("unread.\(suffix)", shape: [1])
    }
    let second = try #require(rewriter.constants.first { rewriter[$0].name == "unread.2" })
    rewriter.erase(constant: second)
    #expect(rewriter.freeName("unread") == "unread.2")
    _ = try rewriter.addConstant("unread.2", shape: [1])
    #expect(rewriter.freeName("unread") == "unread.4")
  }

  @Test func insertsWhereItIsTold() throws {
    let graph = try chain()
    var rewriter = Rewriter(graph)
    let relu = try #require(graph.value(named: "relu"))
    let sigmoid = try #require(rewriter.users(of: relu).first)
    let slice = try rewriter.insert(
      .stridedSlice(.init(strides: Extent(2, 3))), [relu], name: "slice", before: sigmoid)
    try rewriter.update(sigmoid, op: .sigmoid(.init()), operands: [slice])
    let result = rewriter.finish()
    #expect(names(result) == ["relu", "slice", "sigmoid", "pool", "flat"])
    // The types behind an update are the caller's to keep; pooling hides the change here.
    #expect(result[try #require(result.value(named: "sigmoid"))].type == .image(2, 3, 2))
    #expect(Verifier.faults(in: result).isEmpty)
  }

  @Test func replacesUsesAndOutputs() throws {
    let graph = try chain()
    var rewriter = Rewriter(graph)
    let (relu, sigmoid) = (
      try #require(graph.value(named: "relu")), try #require(graph.value(named: "sigmoid"))
    )
    rewriter.replaceUses(of: sigmoid, with: relu)
    rewriter.erase(try #require(rewriter.producer(of: sigmoid)))
    #expect(rewriter.freeName("sigmoid") == "sigmoid" && rewriter.freeName("relu") == "relu.1")
    try rewriter.rename(relu, to: "sigmoid")
    let result = rewriter.finish()
    #expect(names(result) == ["sigmoid", "pool", "flat"])
    #expect(Verifier.faults(in: result).isEmpty)

    var outputs = Rewriter(graph)
    let flat = try #require(graph.value(named: "flat"))
    let copy = try outputs.insert(.identity(.init()), [flat], name: "copy")
    outputs.setOutput(GraphOutput.logits, to: copy)
    let both = outputs.finish()
    #expect(both.output(GraphOutput.logits).map { both[$0].name } == "copy")
    #expect(both.output(GraphOutput.features).map { both[$0].name } == "flat")
    outputs.replaceUses(of: flat, with: copy)
    #expect(outputs.outputs.allSatisfy { $0.value == copy })
  }

  /// After any edits, users and producers are those that a scan of the live nodes finds.
  @Test(arguments: UInt64(0)..<30) func accountsStayRight(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var rewriter = Rewriter(try RandomNetwork.make(seed: seed, layers: 12).graph)
    var values = rewriter.inputs + rewriter.constants + rewriter.nodeIDs.map { rewriter[$0].result }
    for step in 0..<60 {
      let nodes = rewriter.nodeIDs
      let node = nodes[random.nextInt(in: 0..<nodes.count)]
      let result = rewriter[node].result
      switch random.nextInt(in: 0..<4) {
      case 0:
        values.append(
          try rewriter.insert(
            .identity(.init()), [result], name: rewriter.freeName("new"),
            before: nodes[random.nextInt(in: 0..<nodes.count)]))
      case 1: rewriter.move(node, before: nodes[random.nextInt(in: 0..<nodes.count)])
      case 2:
        let twins = values.filter { rewriter[$0].type == rewriter[result].type }
        rewriter.replaceUses(of: result, with: twins[random.nextInt(in: 0..<twins.count)])
      default:
        if rewriter.users(of: result).isEmpty, !rewriter.isOutput(result) { rewriter.erase(node) }
      }
      let live = rewriter.nodeIDs
      #expect(Set(live).count == live.count, "seed \(seed), step \(step)")
      for value in values {
        let users = live.flatMap { id in rewriter[id].operands.filter { $0 == value }.map { _ in id } }
        #expect(rewriter.users(of: value) == users, "seed \(seed), step \(step)")
        #expect(rewriter.producer(of: value) == live.first { rewriter[$0].result == value })
      }
    }
  }

  @Test func movesNodes() throws {
    var builder = GraphBuilder(name: "g")
    let input = try builder.input("x", .image(1, 1, 1))
    let a = try builder.append(.relu(.init()), [input], name: "a")
    let b = try builder.append(.sigmoid(.init()), [input], name: "b")
    let sum = try builder.append(.add(.init()), [a, b], name: "sum")
    try builder.output(GraphOutput.logits, try builder.append(.flatten(.init()), [sum], name: "f"))
    var rewriter = Rewriter(builder.build())
    rewriter.move(NodeID(0), before: NodeID(2))
    let result = rewriter.finish()
    #expect(names(result) == ["b", "a", "sum", "f"])
    #expect(Verifier.faults(in: result).isEmpty)
    rewriter.move(NodeID(3), before: NodeID(1))
    #expect(
      Verifier.faults(in: rewriter.finish()).map(\.kind) == [.usedBeforeMade("sum")],
      "a move before an operand's maker is seen")
  }

  @Test func addsAndErasesConstants() throws {
    let graph = try chain()
    var rewriter = Rewriter(graph)
    rewriter.erase(constant: try #require(graph.value(named: "unread")))
    let bias = try rewriter.addConstant("unread", shape: [4])
    #expect(rewriter[bias].type == TensorType(batched: false, [4]))
    #expect(throws: IRError.duplicateName("relu")) { try rewriter.addConstant("relu", shape: []) }
    #expect(rewriter.finish().constants.count == 1)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let graph = try chain()
    var rewriter = Rewriter(graph)
    let (relu, pool) = (try #require(graph.value(named: "relu")), try #require(graph.value(named: "pool")))
    #expect(throws: IRError.self) { try rewriter.insert(.add(.init()), [relu, pool], name: "sum") }
    #expect(throws: IRError.self) { try rewriter.update(NodeID(0), op: .add(.init()), operands: [relu]) }
    #expect(throws: IRError.duplicateName("pool")) { try rewriter.rename(relu, to: "pool") }
    #expect(rewriter.finish() == graph, "a refused edit changes nothing")
  }

  @Test func retypesEverything() throws {
    let graph = try chain()
    var rewriter = Rewriter(graph)
    try rewriter.retype(resolution: Extent(9, 4))
    let result = rewriter.finish()
    #expect(result.resolution == Extent(9, 4))
    #expect(result[try #require(result.value(named: "sigmoid"))].type == .image(2, 9, 4))
    #expect(Verifier.faults(in: result).isEmpty)
    try rewriter.retype(resolution: Extent(6, 6))
    #expect(rewriter.finish() == graph)
  }

  /// Sides of SAME padding follow the size; ONNX's formula at even, odd and smaller sizes.
  @Test(arguments: [Padding.Rule.sameUpper, .sameLower]) func samePaddingFollowsTheSize(rule: Padding.Rule)
    throws
  {
    func same(_ low: Int, _ high: Int) -> Padding {
      let (a, b) = rule == .sameUpper ? (low, high) : (high, low)
      return Padding(top: a, left: a, bottom: b, right: b, rule: rule)
    }
    var builder = GraphBuilder(name: "g")
    let input = try builder.input("x", .image(2, 8, 8))
    let weight = try builder.constant("w", shape: [2, 2, 3, 3])
    let conv = try builder.append(
      .conv2d(.init(strides: Extent(2, 2), padding: same(0, 1))), [input, weight], name: "c")
    let pooled = try builder.append(
      .maxPool(.init(window: Window(kernel: Extent(2, 2), strides: Extent(2, 2), padding: same(0, 0)))),
      [conv],
      name: "p")
    let mean = try builder.append(
      .averagePool(
        .init(
          window: Window(kernel: Extent(3, 3), strides: Extent(2, 2), padding: same(0, 1)),
          countIncludePad: false)), [pooled], name: "m")
    let flat = try builder.append(
      .flatten(.init()), [try builder.append(.globalAveragePool(.init()), [mean], name: "g")], name: "f")
    try builder.output(GraphOutput.logits, flat)
    let graph = builder.build()
    #expect(try GraphParser.parse(GraphPrinter.text(of: graph)) == graph)
    for (side, sizes, sides) in [
      (9, [5, 3, 2], [same(1, 1), same(0, 1), same(1, 1)]),
      (6, [3, 2, 1], [same(0, 1), same(0, 1), same(0, 1)]),
      (1, [1, 1, 1], [same(1, 1), same(0, 1), same(1, 1)]),
    ] {
      var rewriter = Rewriter(graph)
      try rewriter.retype(resolution: Extent(square: side))
      let result = rewriter.finish()
      #expect(
        result.nodes.prefix(3).map { result[$0.result].type.spatial } == sizes.map(Extent.init(square:)))
      let found = result.nodes.compactMap { node -> Padding? in
        if case .conv2d(let op) = node.op { return op.padding }
        if case .pool(let window, _) = node.op.computation { return window.padding }
        return nil
      }
      #expect(found == sides, "\(side)")
      #expect(Verifier.faults(in: result).isEmpty)
      var back = Rewriter(result)
      try back.retype(resolution: Extent(square: 8))
      #expect(back.finish() == graph)
    }
    #expect(throws: IRError.self) {
      try builder.append(
        .conv2d(.init(strides: Extent(2, 2), padding: same(1, 1))), [input, weight], name: "wrong")
    }
  }

  @Test func buildersRefuseDuplicatesAndMisfits() throws {
    var builder = GraphBuilder(name: "g")
    let input = try builder.input("x", .image(2, 3, 3))
    #expect(throws: IRError.duplicateName("x")) { try builder.constant("x", shape: [1]) }
    let weight = try builder.constant("w", shape: [1, 3, 1, 1])
    let error = #expect(throws: IRError.self) {
      try builder.append(.conv2d(.init()), [input, weight], name: "c")
    }
    guard case .illTyped(let node, .channels(expected: 2, found: 3)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(node.hasPrefix("%c = conv2d %x, %w {"))
    try builder.output("logits", input)
    #expect(throws: IRError.duplicateName("logits")) { try builder.output("logits", input) }
  }
}
