import FixresBase
import FixresIR
import TestSupport

/// The textual form of graphs.
enum GraphText {
  static let mutator = TextMutator(
    Op.Kind.allCases.map(\.rawValue) + [
      "%input", "%x", "@g", "f32[N,3,5,5]", "f32[2]", "f32[N,2]", "[1, 1]", "[0, 0, 0, 0]", "[3, 3]",
      "strides = [2, 2]",
      "padding = [1, 1, 1, 1]", "padding_rule = same_upper", "groups = 2", "activation = relu",
      "kernel = [2, 2]",
      "dilations = [2, 2]", "bias", "residual", "output logits = %x", "constant %c: f32[2]",
      "input %i: f32[N,3,5,5]", "N", "}",
      "{", "\"\\u{0}\"", "epsilon = 1e-05", "ceil_mode = true", "exponent = 3.0", "before = 1", "after = 1",
      "count = 2",
    ])

  static func formats() -> [FuzzFormat] {
    [FuzzFormat("graph", seeds: seeds(), share: 60, mutate: mutator.mutate, read: read)]
  }

  /// The page's example, every operation in a graph of its own, and small networks of chance.
  static func seeds() -> [[UInt8]] {
    var graphs: [Graph] = []
    for sample in OpSample.all {
      do { graphs.append(try sample.model(seed: 1).graph) } catch {
        preconditionFailure("\(sample): \(error)")
      }
    }
    for seed in 1...12 as ClosedRange<UInt64> {
      do { graphs.append(try RandomNetwork.make(seed: seed, layers: 3, oddNames: seed % 3 == 0).graph) } catch
      {
        preconditionFailure("network \(seed): \(error)")
      }
    }
    return graphs.map { Array(GraphPrinter.text(of: $0).utf8) }.filter { $0.count < 4000 }
  }

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else { return .refused }
    let graph: Graph
    do { graph = try VerifiedGraph(GraphParser.parse(text)).graph } catch { return .refused }
    return roundTrip(graph)
  }

  /// What is printed of a verified graph reads as the same graph.
  static func roundTrip(_ graph: Graph) -> FuzzFormat.Verdict {
    let text = GraphPrinter.text(of: graph)
    do {
      let again = try VerifiedGraph(GraphParser.parse(text)).graph
      guard again == graph else { return .wrong("another graph after a round trip through text") }
      return .accepted
    } catch {
      return .wrong("\(error) in what was printed")
    }
  }
}
