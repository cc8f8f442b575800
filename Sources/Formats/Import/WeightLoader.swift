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

/// Numbers that no trained network has.
enum WeightCheck {
  /// A variance this small makes its channel 10^5 times larger than the convolution's output, at epsilon 1e-5 a
  /// third of that: the channel was dead in training.
  private static let tinyVariance: Float = 1e-10

  static func check(
    _ data: Tensor, name: String, canonical: String, epsilon: Double, _ warnings: inout [String]
  ) throws(ArchitectureError) {
    if let index = firstNonFinite(data) {
      let value = data.floats[index]
      throw .notFinite(name: name, index: index, value: value.isNaN ? "NaN" : value > 0 ? "Inf" : "-Inf")
    }
    if canonical.hasSuffix(".running_var") {
      let values = data.floats
      if let index = values.firstIndex(where: { Double($0) + epsilon <= 0 || $0 < -1e-6 }) {
        throw .negativeVariance(name: name, index: index, value: values[index])
      }
      let negative = values.count { $0 < 0 }
      if negative > 0 { warnings.append("\(name): \(negative) variances are just below 0") }
      let tiny = values.count { $0 >= 0 && $0 < tinyVariance }
      if tiny > 0 { warnings.append("\(name): \(tiny) of \(values.count) variances are below 1e-10") }
    } else if data.shape.count == 1, canonical.hasSuffix(".weight") {
      let values = data.floats
      let dead = values.count { $0 == 0 }
      if dead > 0 { warnings.append("\(name): \(dead) of \(values.count) scales are 0") }
    }
  }

  /// At most three sentences and the number of the others.
  static func summary(_ warnings: [String]) -> [String] {
    guard warnings.count > 4 else { return warnings }
    return Array(warnings.prefix(3)) + [
      "\(warnings.count - 3) more tensors hold zero scales or tiny variances"
    ]
  }

  /// Index of the first NaN or infinity.
  static func firstNonFinite(_ data: Tensor) -> Int? {
    let blockSize = 8192
    return data.bytes.withUnsafeBytes { raw -> Int? in
      let words = raw.assumingMemoryBound(to: UInt32.self)
      var start = 0
      while start < words.count {
        let end = min(start + blockSize, words.count)
        // An exponent of all ones carries into the sign bit.
        var carry: UInt32 = 0
        for index in start..<end { carry |= (words[index] & 0x7F80_0000) &+ 0x0080_0000 }
        if carry & 0x8000_0000 != 0 {
          return (start..<end).first { words[$0] & 0x7F80_0000 == 0x7F80_0000 }
        }
        start = end
      }
      return nil
    }
  }
}
