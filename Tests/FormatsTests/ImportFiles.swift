import FixresBase
import FixresFormats
import FixresIR
import TestSupport

/// Named float32 tensors that a test edits and writes as safetensors.
struct NamedTensors {
  var tensors: [(name: String, shape: [Int], values: [Float])]

  /// The weights of a fixture of Tests/Fixtures/architectures.
  init(fixture: String, file: String = "model.pth") throws {
    let checkpoint = try Checkpoint.load(path: TestData.fixture("architectures/\(fixture)/\(file)"))
    tensors = try checkpoint.tensors.filter { $0.elementType.isFloatingPoint }.map {
      let data = try $0.float32()
      return ($0.name, data.shape, data.floats)
    }
  }

  init(_ tensors: [(name: String, shape: [Int], values: [Float])]) { self.tensors = tensors }

  subscript(name: String) -> [Float] {
    get { tensors.first { $0.name == name }?.values ?? [] }
    set {
      for index in tensors.indices where tensors[index].name == name { tensors[index].values = newValue }
    }
  }

  func filter(_ isKept: (String) -> Bool) -> NamedTensors { NamedTensors(tensors.filter { isKept($0.name) }) }

  func renamed(_ change: (String) -> String) -> NamedTensors {
    NamedTensors(tensors.map { (change($0.name), $0.shape, $0.values) })
  }

  func mapped(_ change: (String, Float) -> Float) -> NamedTensors {
    NamedTensors(
      tensors.map { tensor in
        (tensor.name, tensor.shape, tensor.values.map { change(tensor.name, $0) })
      })
  }

  /// The bytes of a safetensors file.
  var safetensors: [UInt8] {
    var header = JSON.Object()
    var data: [UInt8] = []
    for tensor in tensors {
      let start = data.count
      for value in tensor.values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data += $0 } }
      header[tensor.name] = [
        "dtype": "F32", "shape": JSON(tensor.shape), "data_offsets": JSON([start, data.count]),
      ]
    }
    let text = Array(JSON.object(header).serialized(pretty: false).utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text + data
  }
}

extension TemporaryFolder {
  /// Writes `bytes` as the file `name` and gives its path.
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = path + "/" + name
    var writer = try AtomicFileWriter(path: file)
    try bytes.withUnsafeBytes { try writer.write($0) }
    try writer.commit()
    return file
  }

  func write(_ text: String, _ name: String) throws -> String { try write(Array(text.utf8), name) }
}

/// Name and shape of the tensor that nothing explains; nil for another error.
func unexplained(_ error: (any Error)?) -> String? {
  guard case .unexpectedTensor(let name, let shape, let ignore) = error as? ArchitectureError,
    !ignore.isEmpty
  else { return nil }
  return "\(name) \(shape)"
}

/// The architecture error behind a format error, if it is one.
func architectureError(_ body: () throws -> Void) -> ArchitectureError? {
  do {
    try body()
    return nil
  } catch FormatError.architecture(_, let error) {
    return error
  } catch {
    return nil
  }
}
