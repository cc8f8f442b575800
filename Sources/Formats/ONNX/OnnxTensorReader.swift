import FixresBase
import FixresIR

/// Converts tensors of a model to float32 or to integers: from raw data, typed fields or external files.
final class OnnxTensorReader {
  /// The model's file, for errors.
  let path: String
  private let files: OnnxExternalFiles
  /// The bytes and element type of a conversion, so that several names of one tensor share one copy.
  private struct Source: Hashable {
    let address: UInt
    let byteCount: Int
    let type: ElementType
  }
  private var converted: [Source: Bytes] = [:]
  /// Remaining number of elements that nodes may compute from constants: 2^23, and one for each two bytes of
  /// the files.
  private var madeElementCount: Int
  /// Remaining number of elements of constants with one repeated value, about those of a ResNet-152.
  private var filledElementCount = 1 << 26

  /// Creates a reader for the model at `path` of `modelByteCount` bytes.
  init(path: String, modelByteCount: Int) {
    self.path = path
    files = OnnxExternalFiles(modelPath: path)
    madeElementCount = 1 << 23 + modelByteCount / 2
  }

  /// Limit on the elements of a shape, axis list or index.
  private static let wholeNumberLimit = 4096

  /// The elements as row-major float32; the stored bytes without a copy where they are float32 and aligned to
  /// 4 bytes.
  ///
  /// - Throws: `FormatError.unreadableTensor`, `.onnx` or `.malformed`.
  func floats(_ tensor: OnnxTensor) throws(FormatError) -> Tensor {
    let (type, shape) = try described(tensor)
    guard type.isReadable else {
      throw .unreadableTensor(name: tensor.name, reason: .elementType(type))
    }
    if let bytes = try rawBytes(tensor, type, shape) {
      return try convert(bytes, type, named: tensor.name, shape: shape)
    }
    if type == .float32, let only = tensor.typed.first, tensor.typed.count == 1, tensor.loose.isEmpty,
      only.field == 4, only.bytes.count == shape.reduce(4, *)
    {
      return try convert(only.bytes, type, named: tensor.name, shape: shape)
    }
    let words = try typedWords(tensor, type, count: shape.reduce(1, *))
    return try Tensor.granted(tensor.name, shape: shape) { target in
      for index in words.indices { target[index] = Self.float(words[index], type) }
    }
  }

  /// The elements of a small integer tensor in row-major order.
  ///
  /// - Throws: `FormatError.onnx`, also for a tensor of more than 4096 elements.
  func integers(_ tensor: OnnxTensor) throws(FormatError) -> [Int] {
    let (type, shape) = try described(tensor)
    let count = shape.reduce(1, *)
    guard tensor.isInteger, type != .uint64, count <= Self.wholeNumberLimit else {
      throw fault(
        OnnxFault(
          tensor.place, expected: "at most \(Self.wholeNumberLimit) whole numbers",
          found: "\(count) of \(type.rawValue)"))
    }
    guard let bytes = try rawBytes(tensor, type, shape) else {
      return try typedWords(tensor, type, count: count).map { Int(Int64(bitPattern: $0)) }
    }
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { index in
        func load<T: FixedWidthInteger>(_: T.Type) -> Int {
          Int(
            truncatingIfNeeded: T(
              littleEndian: raw.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)))
        }
        switch type {
        case .int64: return load(Int64.self)
        case .int32: return load(Int32.self)
        case .uint32: return load(UInt32.self)
        case .int16: return load(Int16.self)
        case .uint16: return load(UInt16.self)
        case .int8: return load(Int8.self)
        default: return load(UInt8.self)
        }
      }
    }
  }

  /// A tensor of one repeated `value`, which `place` needs.
  ///
  /// - Throws: `FormatError.onnx`, beyond the limit on such elements.
  func filled(_ value: Float, _ shape: [Int], _ place: OnnxFault.Place) throws(FormatError) -> Tensor {
    let count = shape.reduce(1, *)
    guard count <= filledElementCount else {
      throw fault(
        OnnxFault(place, expected: "at most \(1 << 26) elements of one number each", found: "\(count) more"))
    }
    filledElementCount -= count
    let name =
      switch place {
      case .graph: ""
      case .node(let name, _), .tensor(let name), .input(let name): name
      }
    return try Tensor.granted(name, shape: shape) { $0.initialize(repeating: value) }
  }

  /// Counts elements that the node at `place` computes and the file does not hold.
  ///
  /// - Throws: `FormatError.onnx`, beyond the limit on such elements.
  func charge(_ count: Int, _ place: OnnxFault.Place) throws(FormatError) {
    let credit = files.takeCredit()
    madeElementCount = madeElementCount.addingSaturated(credit / 2)
    guard count <= madeElementCount else {
      throw fault(
        OnnxFault(
          place, expected: "at most \(madeElementCount) more elements made by nodes", found: "\(count)"))
    }
    madeElementCount -= count
  }

  private func fault(_ fault: OnnxFault) -> FormatError { .onnx(path: path, fault) }

  private func described(_ tensor: OnnxTensor) throws(FormatError) -> (ElementType, [Int]) {
    guard let type = tensor.elementType else {
      throw fault(
        OnnxFault(tensor.place, expected: "numbers", found: "the element type \(tensor.elementCode)"))
    }
    guard !tensor.isSegmented else {
      throw fault(OnnxFault(tensor.place, expected: "a whole tensor", found: "a segment of one"))
    }
    do { return (type, try tensor.shape()) } catch { throw fault(error) }
  }

  // MARK: Raw and external bytes

  /// The raw or external bytes, whose size must be that of type and shape; nil where the elements are in
  /// typed fields.
  private func rawBytes(
    _ tensor: OnnxTensor, _ type: ElementType, _ shape: [Int]
  ) throws(FormatError) -> Bytes? {
    let expected = shape.reduce(1, *) * type.byteCount
    if tensor.isExternal { return try files.bytes(of: tensor, byteCount: expected) }
    guard let raw = tensor.raw else { return nil }
    // Some writers leave an empty raw_data next to typed numbers.
    if raw.count == 0, expected > 0, !tensor.typed.isEmpty || !tensor.loose.isEmpty { return nil }
    guard raw.count == expected else {
      throw fault(
        OnnxFault(
          tensor.place, expected: "\(expected) bytes of \(type.rawValue) for the shape \(shape)",
          found: "\(raw.count) bytes"))
    }
    return raw
  }

  private func convert(
    _ bytes: Bytes, _ type: ElementType, named name: String, shape: [Int]
  ) throws(FormatError) -> Tensor {
    if type == .float32, Int(bitPattern: bytes.unsafeBase).isMultiple(of: 4) {
      return Tensor(shape: shape, bytes: bytes)
    }
    let source = Source(
      address: UInt(bitPattern: bytes.unsafeBase), byteCount: bytes.count, type: type)
    if let known = converted[source] { return Tensor(shape: shape, bytes: known) }
    let copy =
      type == .float32
      ? try Self.aligned(bytes, name, shape)
      : try Self.widened(bytes, type, named: name, shape: shape)
    converted[source] = copy.bytes
    // The file's pages are no longer needed; only the copy counts against memory.
    bytes.releasePages()
    return copy
  }

  private static func aligned(
    _ bytes: Bytes, _ name: String, _ shape: [Int]
  ) throws(FormatError) -> Tensor {
    try Tensor.granted(name, shape: shape) { target in
      bytes.withUnsafeBytes { raw in UnsafeMutableRawBufferPointer(target).copyMemory(from: raw) }
    }
  }

  private static func widened(
    _ bytes: Bytes, _ type: ElementType, named name: String, shape: [Int]
  ) throws(FormatError) -> Tensor {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let view = CheckpointTensor(
      name: name, elementType: type, shape: shape, strides: strides, bytes: bytes, elementOffset: 0)
    return try view.float32()
  }

  // MARK: Typed fields

  /// The bits of the numbers in the typed field that holds `type`.
  private func typedWords(
    _ tensor: OnnxTensor, _ type: ElementType, count: Int
  ) throws(FormatError) -> [UInt64] {
    let field =
      switch type {
      case .float32: 4
      case .int64: 7
      case .float64: 10
      case .uint32, .uint64: 11
      default: 5
      }
    let isOwnField =
      tensor.typed.allSatisfy { $0.field == field } && (tensor.loose.isEmpty || tensor.looseField == field)
    // A number takes at least a byte, so the stored bytes bound the memory that is reserved.
    let stored = tensor.typed.reduce(tensor.loose.count) { $0.addingSaturated($1.bytes.count) }
    guard isOwnField, count <= stored || count == 0 else {
      throw fault(
        OnnxFault(tensor.place, expected: "\(count) elements of \(type.rawValue)", found: "fewer"))
    }
    let needed = count.multipliedSaturated(MemoryLayout<UInt64>.stride)
    guard AddressSpace.allows(needed) else {
      throw .unreadableTensor(
        name: tensor.name, reason: .outOfMemory(needed: needed, available: AddressSpace.available()))
    }
    var words = tensor.loose
    words.reserveCapacity(count)
    for part in tensor.typed {
      var reader = ProtobufReader(part.bytes, FaultContext(path: path, format: .onnx))
      while !reader.isAtEnd, words.count <= count {
        switch field {
        case 4: words.append(UInt64(try reader.little(UInt32.self)))
        case 10: words.append(try reader.little(UInt64.self))
        default: words.append(try reader.varint())
        }
      }
    }
    guard words.count == count else {
      throw fault(
        OnnxFault(
          tensor.place, expected: "\(count) elements of \(type.rawValue)",
          found: words.count < count ? "\(words.count)" : "more"))
    }
    return words
  }

  private static func float(_ word: UInt64, _ type: ElementType) -> Float {
    switch type {
    case .float32: Float(bitPattern: UInt32(truncatingIfNeeded: word))
    case .float64: Float(Double(bitPattern: word))
    case .float16: Float(halfBits: UInt16(truncatingIfNeeded: word))
    case .bfloat16: Float(bfloatBits: UInt16(truncatingIfNeeded: word))
    case .bool: word == 0 ? 0 : 1
    default: Float(Int64(bitPattern: word))
    }
  }
}
