import FixresBase
import FixresIR

/// Converts a checkpoint's tensors to the data of a graph's constants and checks every number.
struct WeightLoader {
  /// The checkpoint's file, for errors.
  let path: String
  private let tensors: [String: CheckpointTensor]

  /// Creates a loader; `names` translates the tensors' names to the constants'.
  init(path: String, checkpoint: Checkpoint, names: NameMap) {
    self.path = path
    tensors = Dictionary(
      checkpoint.tensors.map { (names.canonical($0.name), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// torchvision's names of the tensors.
  var names: some Collection<String> { tensors.keys }

  /// The data of every constant of `graph` that is not `derived` from facts, and warnings about its numbers.
  ///
  /// - Throws: `FormatError`, for a missing, unreadable or misshapen tensor or an invalid number.
  func load(
    _ graph: Graph, without derived: Set<String> = [], epsilon: Double
  ) throws(FormatError) -> (constants: Constants, warnings: [String]) {
    var constants = Constants()
    var warnings: [String] = []
    for constant in graph.constants where !derived.contains(graph[constant].name) {
      let value = graph[constant]
      guard let tensor = tensors[value.name] else {
        throw .model(path: path, .missingConstant(value.name))
      }
      constants[value.name] = try load(tensor, shape: value.type.dims)
    }
    for constant in graph.constants {
      let name = graph[constant].name
      guard let tensor = tensors[name], let data = constants[name] else { continue }
      do {
        try WeightCheck.check(data, name: tensor.name, canonical: name, epsilon: epsilon, &warnings)
      } catch {
        throw .architecture(path: path, error)
      }
    }
    return (constants, WeightCheck.summary(warnings))
  }

  /// `tensor` as float32 of `shape`, which must have as many elements.
  ///
  /// - Throws: `FormatError.unreadableTensor` or `.architecture`.
  func load(_ tensor: CheckpointTensor, shape: [Int]) throws(FormatError) -> Tensor {
    guard tensor.elementType.isFloatingPoint else {
      throw .unreadableTensor(name: tensor.name, reason: .elementType(tensor.elementType))
    }
    let data = try tensor.float32()
    guard data.shape != shape else { return data }
    guard data.elementCount == shape.reduce(1, *) else {
      throw .architecture(
        path: path,
        .misshapenTensor(name: tensor.name, expected: ShapePattern(shape.map { $0 }), found: tensor.shape))
    }
    return Tensor(shape: shape, bytes: data.bytes)
  }
}
