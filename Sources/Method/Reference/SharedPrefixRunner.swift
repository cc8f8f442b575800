import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime

/// Runs networks that share constants on one input, and computes what they have in common once.
///
/// A network is cut where a single map is alive and the next layer changes its shape: behind the stem, between stages,
/// before the head. A part that was run before, on what gave the same map, is not run again.
package struct SharedPrefixRunner {
  /// A part of a network as it computes, apart from where it stands.
  private struct Part: Hashable {
    let input: Int
    let inputShape: [Int]
    let nodes: [PartNode]
  }

  private struct PartNode: Hashable {
    let op: Op
    /// Constants by name, results by their position in the part, the input as -1.
    let operands: [Operand]
  }

  private enum Operand: Hashable {
    case constant(String)
    case result(Int)
  }

  private struct Map {
    let values: [Float]
    var lastUse: Int
  }

  /// Bytes of maps that are kept.
  private static let keptByteCount = 384 << 20

  private let input: [Float]
  private let batch: Int
  private let options: SessionOptions
  private var identifiers: [Part: Int] = [:]
  private var maps: [Int: Map] = [:]
  private var clock = 0
  /// Parts that were run, for tests.
  package private(set) var partCount = 0

  /// Runs on `input` `[batch, C, H, W]`.
  package init(input: [Float], batch: Int, options: SessionOptions) {
    (self.input, self.batch) = (input, batch)
    self.options = options
  }

  /// The scores `[batch, outputs]` of `model`, unfolded and typed for the input; of a network without classifier the pooled
  /// features.
  ///
  /// - Throws: What planning and running the parts refuses.
  package mutating func scores(of model: Model) throws(MethodError) -> [Float] {
    let graph = model.graph
    guard let wanted = graph.output(GraphOutput.logits) ?? graph.output(GraphOutput.features) else {
      throw .noFeatures
    }
    let cuts = Self.cuts(graph, output: wanted)
    // Identify all parts first, so that the last known map is where running begins.
    var chain: [(id: Int, range: Range<Int>, start: ValueID, end: ValueID)] = []
    var start = graph.inputs[0]
    var first = 0
    var previous = -1
    for cut in cuts {
      let part = Self.part(graph, first..<cut.position + 1, from: start, previous)
      let id = identifiers[part] ?? identifiers.count
      identifiers[part] = id
      chain.append((id, first..<cut.position + 1, start, cut.value))
      (start, first, previous) = (cut.value, cut.position + 1, id)
    }
    var values = input
    var begin = 0
    for (index, link) in chain.enumerated().reversed() {
      guard let known = maps[link.id] else { continue }
      clock += 1
      maps[link.id]?.lastUse = clock
      (values, begin) = (known.values, index + 1)
      break
    }
    for link in chain[begin...] {
      values = try run(model, link.range, from: link.start, to: link.end, on: values)
      keep(values, as: link.id)
    }
    return values
  }

  private mutating func keep(_ values: [Float], as id: Int) {
    clock += 1
    maps[id] = Map(values: values, lastUse: clock)
    var total = maps.values.reduce(0) { $0 + $1.values.count * 4 }
    while total > Self.keptByteCount, maps.count > 1,
      let oldest = maps.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      total -= oldest.value.values.count * 4
      maps[oldest.key] = nil
    }
  }

  // MARK: Parts

  /// Where `graph` is cut, each the value computed by the node at `position`; the last is `output`.
  private static func cuts(_ graph: Graph, output: ValueID) -> [(position: Int, value: ValueID)] {
    let constants = Set(graph.constants)
    var lastUse: [ValueID: Int] = [:]
    for (position, node) in graph.nodes.enumerated() {
      for operand in node.operands where !constants.contains(operand) { lastUse[operand] = position }
    }
    guard let end = graph.nodes.firstIndex(where: { $0.result == output }) else { return [] }
    var alive: Set<ValueID> = [graph.inputs[0]]
    var single: [(position: Int, value: ValueID)] = []
    for (position, node) in graph.nodes.enumerated().prefix(end) {
      for operand in node.operands where lastUse[operand] == position { alive.remove(operand) }
      if lastUse[node.result] != nil { alive.insert(node.result) }
      if alive.count == 1, alive.contains(node.result), graph[node.result].type.isImage {
        single.append((position, node.result))
      }
    }
    var cuts: [(position: Int, value: ValueID)] = []
    for (index, cut) in single.enumerated() {
      let next = index + 1 < single.count ? single[index + 1].value : output
      if graph[next].type != graph[cut.value].type { cuts.append(cut) }
    }
    return cuts + [(end, output)]
  }

  private static func part(
    _ graph: Graph, _ range: Range<Int>, from start: ValueID, _ previous: Int
  ) -> Part {
    var results: [ValueID: Int] = [start: -1]
    let nodes = graph.nodes[range].enumerated().map { position, node in
      results[node.result] = position
      return PartNode(
        op: node.op,
        operands: node.operands.map { operand in
          results[operand].map(Operand.result) ?? .constant(graph[operand].name)
        })
    }
    return Part(input: previous, inputShape: graph[start].type.dims, nodes: nodes)
  }

  private mutating func run(
    _ model: Model, _ range: Range<Int>, from start: ValueID, to end: ValueID, on values: [Float]
  ) throws(MethodError) -> [Float] {
    partCount += 1
    let part: Model
    do {
      part = try Self.model(of: model, range, from: start, to: end)
    } catch {
      throw .model(error)
    }
    let ready: Model
    do {
      var driver = PassDriver()
      ready = try driver.run([EliminateDeadNodes()] + Pipeline().passes, on: part)
    } catch {
      throw .pass(error)
    }
    do {
      return try Session(model: ready, options: options).run(values).logits
    } catch {
      throw .runtime(error)
    }
  }

  /// The nodes `range` of `model` as a network of its own, whose scores are `end` as a row.
  private static func model(
    of model: Model, _ range: Range<Int>, from start: ValueID, to end: ValueID
  ) throws(IRError) -> Model {
    let graph = model.graph
    var builder = GraphBuilder(name: graph.name)
    var moved: [ValueID: ValueID] = [:]
    moved[start] = try builder.input("part.input", graph[start].type)
    for node in graph.nodes[range] {
      var operands: [ValueID] = []
      for operand in node.operands {
        if let known = moved[operand] {
          operands.append(known)
        } else {
          let constant = try builder.constant(graph[operand].name, shape: graph[operand].type.dims)
          moved[operand] = constant
          operands.append(constant)
        }
      }
      moved[node.result] = try builder.append(node.op, operands, name: graph[node.result].name)
    }
    guard var result = moved[end] else { throw .unknownValue(graph[end].name) }
    if graph[end].type.dims.count != 1 {
      result = try builder.append(.flatten(.init()), [result], name: "part.row")
    }
    try builder.output(GraphOutput.logits, result)
    return try Model(graph: builder.build(), constants: model.constants, metadata: model.metadata)
  }
}
