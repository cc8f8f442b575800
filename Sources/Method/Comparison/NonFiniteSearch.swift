import FixresBase
import FixresIR
import FixresRuntime

/// Finds where the numbers of a network stop being finite.
package enum NonFiniteSearch {
  /// Runs `model` on one `input` `[C, H, W]`, all values kept; the first value that is not finite tells.
  package static func origin(
    in model: Model, of input: [Float], options: SessionOptions = SessionOptions()
  ) -> NonFiniteOrigin {
    var options = options
    options.keepsValues = true
    guard let session = try? Session(model: model, options: options) else { return .unknown }
    var first: String?
    try? session.visitValues(input, batch: 1) { name, value in
      if first == nil, value.elements.firstNonFinite != nil { first = name }
    }
    return first.map { origin(of: $0, in: model, input) } ?? .unknown
  }

  /// What makes `value`, the first in the order of execution that is not finite.
  static func origin(of value: String, in model: Model, _ input: [Float]) -> NonFiniteOrigin {
    if let index = input.firstNonFinite { return .input(index: index) }
    let graph = model.graph
    guard let node = graph.nodes.first(where: { graph[$0.result].name == value }) else { return .unknown }
    for operand in node.operands {
      let name = graph[operand].name
      if let index = model.constants[name]?.withFloats({ $0.firstNonFinite }) {
        return .constant(name: name, index: index, layer: value)
      }
    }
    let constants = Set(graph.constants)
    return .layer(
      name: value, operation: node.op.mnemonic,
      weights: node.operands.first(where: constants.contains).map { graph[$0].name })
  }
}
