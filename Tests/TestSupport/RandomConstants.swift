import FixresBase
import FixresIR

/// Seeded constants that a graph's layers can bear: variances positive, weights scaled by their fan-in, nothing
/// constant.
package enum RandomConstants {
  package static func make(for graph: Graph, seed: UInt64) -> Constants {
    var random = SeededRandom(seed: seed)
    var constants = Constants()
    let roles = constantRoles(graph)
    for constant in graph.constants {
      let value = graph[constant]
      let shape = value.type.dims
      let fanIn = Double(max(shape.dropFirst().reduce(1, *), 1))
      let role = roles[constant]
      constants[value.name] = Tensor(
        shape: shape,
        (0..<value.type.elementCount).map { _ in
          switch role {
          case .variance: Float(0.25 + 1.5 * random.nextDouble())
          case .scale: Float((0.5 + random.nextDouble()) * (random.nextDouble() < 0.2 ? -1 : 1))
          case .weight: Float(random.nextGaussian() * (2 / fanIn).squareRoot())
          default: Float(random.nextGaussian() * 0.3)
          }
        })
    }
    return constants
  }

  private static func constantRoles(_ graph: Graph) -> [ValueID: OperandRole] {
    var roles: [ValueID: OperandRole] = [:]
    for node in graph.nodes {
      for (operand, role) in zip(node.operands, node.op.definition.operandRoles) { roles[operand] = role }
    }
    return roles
  }
}

extension Model {
  /// `graph` with seeded random constants.
  package static func random(_ graph: Graph, seed: UInt64) throws(IRError) -> Model {
    try Model(
      graph: graph, constants: RandomConstants.make(for: graph, seed: seed),
      metadata: ModelMetadata(architecture: graph.name))
  }
}
