import FixresBase

/// A trained network: its graph, the data of its constants, and what is known about it.
///
/// A model that exists has been verified: `Verifier` has accepted its graph, and every constant that the graph declares
/// has data of the declared shape. Metadata, tunings, packed constants and references change no result and may be edited freely.
public struct Model: Sendable, Equatable {
  private let verified: VerifiedGraph
  /// The data of the graph's constants.
  public private(set) var constants: Constants
  /// Where the network comes from, how it was trained, and what was done to it.
  public var metadata: ModelMetadata
  /// Measured choices of how to compute this graph, one per processor and instruction set.
  public var tunings: [Tuning]
  /// Constants as kernels read them; one whose constant was replaced no longer counts.
  public var packedConstants: [PackedConstant]
  /// Inputs with the outputs that the original program gave for them.
  public var references: [ReferencePair]

  /// The computation as a list of typed operations.
  public var graph: Graph { verified.graph }

  /// Verifies `graph` and that `constants` hold what it declares.
  ///
  /// - Throws: `IRError.unverified`, `missingConstant` or `constantShape`.
  public init(
    graph: Graph, constants: Constants, metadata: ModelMetadata, tunings: [Tuning] = [],
    packedConstants: [PackedConstant] = [], references: [ReferencePair] = []
  ) throws(IRError) {
    try self.init(
      verified: VerifiedGraph(graph), constants: constants, metadata: metadata, tunings: tunings,
      packedConstants: packedConstants, references: references)
  }

  /// A model of a graph that has been verified already; only the constants are checked.
  ///
  /// - Throws: `IRError.missingConstant` or `constantShape`.
  package init(
    verified: VerifiedGraph, constants: Constants, metadata: ModelMetadata, tunings: [Tuning] = [],
    packedConstants: [PackedConstant] = [], references: [ReferencePair] = []
  ) throws(IRError) {
    let graph = verified.graph
    for constant in graph.constants {
      let value = graph[constant]
      guard let tensor = constants[value.name] else { throw .missingConstant(value.name) }
      try Self.check(tensor, value)
    }
    self.verified = verified
    self.constants = constants
    self.metadata = metadata
    self.tunings = tunings
    self.packedConstants = packedConstants
    self.references = references
  }

  private static func check(_ tensor: Tensor, _ value: Value) throws(IRError) {
    guard tensor.shape == value.type.dims else {
      throw .constantShape(name: value.name, expected: value.type.dims, found: tensor.shape)
    }
  }

  /// Replaces the data of the constant `name`; its packed forms no longer count.
  ///
  /// - Throws: `IRError.unknownValue` where the graph declares no such constant, `constantShape` where the shape differs.
  public mutating func setConstant(_ name: String, to tensor: Tensor) throws(IRError) {
    guard let constant = graph.constants.first(where: { graph[$0].name == name }) else {
      throw .unknownValue(name)
    }
    try Self.check(tensor, graph[constant])
    constants[name] = tensor
  }

  /// This model with another graph and other constants; all else stays.
  ///
  /// - Throws: `IRError.unverified`, `missingConstant` or `constantShape`.
  package func replacing(graph: Graph, constants: Constants) throws(IRError) -> Model {
    try Model(
      graph: graph, constants: constants, metadata: metadata, tunings: tunings,
      packedConstants: packedConstants, references: references)
  }

  /// The mapped files that constants, packed constants and references lie in, each once.
  package var fileWitnesses: [FileWitness] {
    var witnesses: [ObjectIdentifier: FileWitness] = [:]
    func add(_ tensor: Tensor) {
      if let witness = tensor.bytes.fileWitness { witnesses[ObjectIdentifier(witness)] = witness }
    }
    for name in constants.names { constants[name].map(add) }
    for entry in packedConstants { add(entry.elements) }
    for reference in references { add(reference.outputs) }
    return Array(witnesses.values)
  }

  /// Throws where a file that constants lie in was changed since it was opened: they may then be a mixture.
  ///
  /// - Throws: `IRError.file`.
  package func requireUnchangedFiles() throws(IRError) {
    for witness in fileWitnesses {
      do { try witness.requireUnchanged() } catch { throw .file(error) }
    }
  }

  /// Drops the data that the graph does not declare.
  package mutating func dropUndeclaredConstants() { constants.prune(to: graph) }

  /// Number of classes, the length of one image's logits; 0 for a network without a classifier.
  public var classCount: Int {
    graph.output(GraphOutput.logits).map { graph[$0].type.elementCount } ?? 0
  }
}
