/// A network whole: what is computed, with which constants, and what is known of it.
public struct Model: Sendable, Equatable {
  public var graph: Graph
  public var constants: Constants
  public var metadata: ModelMetadata
  /// Measured choices of how to compute this graph, one a processor and instruction set.
  public var tunings: [Tuning]
  /// Constants as kernels read them; one whose constant was replaced no longer counts.
  public var packedConstants: [PackedConstant]

  public init(
    graph: Graph, constants: Constants, metadata: ModelMetadata, tunings: [Tuning] = [],
    packedConstants: [PackedConstant] = []
  ) {
    self.graph = graph
    self.constants = constants
    self.metadata = metadata
    self.tunings = tunings
    self.packedConstants = packedConstants
  }

  /// Verifies the graph, and that each constant has data of its declared shape.
  public func check() throws(IRError) {
    try Verifier.check(graph)
    for constant in graph.constants {
      let value = graph[constant]
      guard let tensor = constants[value.name] else { throw .missingConstant(value.name) }
      guard tensor.shape == value.type.dims else {
        throw .constantShape(name: value.name, expected: value.type.dims, found: tensor.shape)
      }
    }
  }

  /// Classes that the network tells apart.
  public var classCount: Int {
    graph.output(GraphOutput.logits).map { graph[$0].type.elementCount } ?? 0
  }
}
