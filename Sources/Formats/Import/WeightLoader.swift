import FixresBase
import FixresIR

/// Takes the data of a graph's constants from a checkpoint and looks at every number once.
struct WeightLoader {
  let path: String
  private let tensors: [String: CheckpointTensor]

  init(path: String, checkpoint: Checkpoint, names: NameMap) {
    self.path = path
    tensors = Dictionary(
      checkpoint.tensors.map { (names.canonical($0.name), $0) }, uniquingKeysWith: { first, _ in first })
  }

  var names: some Collection<String> { tensors.keys }

  /// The data of every constant that `graph` declares, and what is odd about it.
  func load(
    _ graph: Graph, epsilon: Double
  ) throws(FormatError) -> (constants: Constants, warnings: [String]) {
    var constants = Constants()
    var warnings: [String] = []
    for constant in graph.constants {
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

  /// `tensor` as float32 of `shape`, which holds as many elements.
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
