import FixresBase

/// The reader of one `.safetensors` file.
///
/// Format: the README of github.com/huggingface/safetensors. The layout, numbers little-endian:
///
///     0        u64 n, the byte count of the header, at most 100,000,000
///     8        JSON object of n bytes:
///                "__metadata__": {string: string, ...}
///                name: {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [begin, end]}
///     8 + n    data; offsets count from here
///
/// The data must be filled from its first to its last byte, without holes and overlaps. Like the format's own
/// reader this one refuses a short file, trailing bytes and sizes that disagree with dtype and shape; beyond
/// it, every duplicate key in any object.
struct SafeTensorsFile {
  /// The format's own limit on the JSON header.
  static let maximumHeaderByteCount: UInt64 = 100_000_000
  /// Limit on the UTF-8 bytes of a tensor's name.
  static let maximumNameByteCount = 512

  private let path: String
  private let context: FaultContext
  private let data: Bytes
  private var json: StrictJSON
  private var checkpoint = Checkpoint(source: .safetensors)
  private var spans: [Span] = []

  /// The bytes of a tensor, as offsets from the start of the data.
  private struct Span {
    var begin: Int
    var end: Int
    var name: String
  }

  /// The description of a tensor in the header.
  private struct Entry {
    var dtype: String?
    var shape: [Int]?
    var offsets: (begin: Int, end: Int)?
  }

  /// The tensors of the file in `bytes`, in the header's order, with their full names.
  ///
  /// - Throws: `FormatError.malformed` or `.tooManyTensors`.
  static func read(_ bytes: Bytes, path: String) throws(FormatError) -> Checkpoint {
    var file = try SafeTensorsFile(bytes, path: path)
    try file.readHeader()
    try file.checkSpans()
    return file.checkpoint
  }

  /// The checkpoint in `bytes`, its names without prefix; `key` selects the names below it, and those that
  /// match `ignore` are left out.
  ///
  /// - Throws: `FormatError`, also where nothing is below `key`.
  static func checkpoint(
    _ bytes: Bytes, path: String, key: String?, ignore: [String] = []
  ) throws(FormatError) -> Checkpoint {
    var checkpoint = try read(bytes, path: path)
    try checkpoint.takeNames(path: path, below: key, ignore: ignore)
    return checkpoint
  }

  private init(_ bytes: Bytes, path: String) throws(FormatError) {
    self.path = path
    let context = FaultContext(path: path, format: .safetensors)
    self.context = context
    var reader = ByteReader(bytes)
    let length: UInt64 = try context.reading { () throws(ReadError) in try reader.readLittle() }
    guard length <= Self.maximumHeaderByteCount else {
      throw context.fault(
        .byte(0), expected: "a header of at most \(Self.maximumHeaderByteCount) bytes", found: "\(length)")
    }
    guard length <= UInt64(reader.remaining) else {
      throw context.fault(
        .byte(0), expected: "a header of \(length) bytes",
        found: "\(reader.remaining) (is the file cut short?)")
    }
    (self.json, self.data) = try context.reading { () throws(ReadError) in
      let header = try reader.read(Int(length))
      return (StrictJSON(header, context: context), try reader.read(reader.remaining))
    }
  }

  // MARK: - Header

  private mutating func readHeader() throws(FormatError) {
    guard try json.piece() == .beginObject else { throw json.fault("a JSON object", "another value") }
    while case .key(let text) = try json.piece() {
      if json.isKey(text, "__metadata__") {
        try readMetadata()
        continue
      }
      guard text.byteCount <= Self.maximumNameByteCount else {
        throw json.fault("a name of at most \(Self.maximumNameByteCount) bytes", "\(text.byteCount)")
      }
      guard spans.count < Checkpoint.maximumTensorCount else {
        throw .tooManyTensors(path: path, count: spans.count + 1, limit: Checkpoint.maximumTensorCount)
      }
      let name = json.string(text)
      try add(name, try readEntry(name))
    }
    // Only white space may follow.
    _ = try json.next()
  }

  private mutating func readMetadata() throws(FormatError) {
    guard try json.piece() == .beginObject else {
      throw context.fault(.key("__metadata__"), expected: "an object of strings", found: "another value")
    }
    while case .key(let key) = try json.piece() {
      guard case .string(let value) = try json.piece() else {
        throw context.fault(.key("__metadata__"), expected: "strings", found: "another value")
      }
      if key.byteCount <= 256, value.byteCount <= 1024 {
        checkpoint.addMetadata(json.string(key), json.string(value))
      }
    }
  }

  private mutating func readEntry(_ name: String) throws(FormatError) -> Entry {
    guard try json.piece() == .beginObject else {
      throw context.fault(.tensor(name), expected: "an object", found: "another value")
    }
    var entry = Entry()
    while case .key(let key) = try json.piece() {
      if json.isKey(key, "dtype") {
        guard case .string(let text) = try json.piece(), text.byteCount <= 32 else {
          throw context.fault(.tensor(name), expected: "a dtype", found: "another value")
        }
        entry.dtype = json.string(text)
      } else if json.isKey(key, "shape") {
        entry.shape = try readNumbers(name, limit: StridedView.maximumRank)
      } else if json.isKey(key, "data_offsets") {
        let numbers = try readNumbers(name, limit: 2)
        guard numbers.count == 2 else {
          throw context.fault(.tensor(name), expected: "two data_offsets", found: "\(numbers.count)")
        }
        entry.offsets = (numbers[0], numbers[1])
      } else {
        try json.skip(try json.piece())
      }
    }
    return entry
  }

  private mutating func readNumbers(_ name: String, limit: Int) throws(FormatError) -> [Int] {
    guard try json.piece() == .beginArray else {
      throw context.fault(.tensor(name), expected: "an array of integers", found: "another value")
    }
    var numbers: [Int] = []
    while true {
      let token = try json.piece()
      if token == .endArray { return numbers }
      guard let number = json.naturalNumber(token) else {
        throw context.fault(.tensor(name), expected: "integers of 0 or more", found: "another value")
      }
      guard numbers.count < limit else {
        throw context.fault(.tensor(name), expected: "at most \(limit) numbers", found: "more")
      }
      numbers.append(number)
    }
  }

  // MARK: - Tensors

  private mutating func add(_ name: String, _ entry: Entry) throws(FormatError) {
    guard let dtype = entry.dtype, let shape = entry.shape, let (begin, end) = entry.offsets else {
      throw context.fault(.tensor(name), expected: "dtype, shape and data_offsets", found: "less")
    }
    guard let type = Self.elementTypes[dtype] ?? Self.packedTypes[dtype].map({ .packed(bits: $0) }) else {
      throw context.fault(.tensor(name), expected: "a dtype of safetensors", found: dtype)
    }
    let count: Int
    do { count = try StridedView.elementCount(shape) } catch {
      throw context.fault(.tensor(name), expected: error.expected, found: error.found)
    }
    guard begin <= end, end <= data.count else {
      throw context.fault(
        .tensor(name), expected: "data_offsets within \(data.count) bytes", found: "[\(begin), \(end)]")
    }
    // At most 2^56 elements of 64 bits, so the product does not overflow.
    let (byteCount, restBits) = (count * type.bitCount).quotientAndRemainder(dividingBy: 8)
    guard restBits == 0, byteCount == end - begin else {
      throw context.fault(
        .tensor(name), expected: "\(byteCount) bytes for \(dtype) \(shape)", found: "\(end - begin)")
    }
    spans.append(Span(begin: begin, end: end, name: name))
    guard case .whole(let elementType) = type else {
      checkpoint.unreadable[name] = .opaque(constructor: dtype)
      checkpoint.ignored.append(name)
      return
    }
    let window = try context.reading { () throws(ReadError) in try data.slice(begin, byteCount) }
    checkpoint.add(
      CheckpointTensor(
        name: name, elementType: elementType, shape: shape, strides: StridedView.rowMajorStrides(shape),
        bytes: window, elementOffset: 0))
  }

  /// Throws unless the tensors fill the data from its first byte to its last, without holes and overlaps.
  private mutating func checkSpans() throws(FormatError) {
    spans.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
    var position = 0
    for span in spans {
      guard span.begin == position else {
        throw context.fault(
          .tensor(span.name), expected: "data from offset \(position) on",
          found: span.begin < position ? "an overlap from \(span.begin) on" : "a hole up to \(span.begin)")
      }
      position = span.end
    }
    guard position == data.count else {
      throw context.fault(
        .byte(data.offset + position), expected: "the end of the file",
        found: "\(data.count - position) more bytes")
    }
  }

  // MARK: - Element types

  private enum StoredType {
    case whole(ElementType)
    /// Elements smaller than a byte.
    case packed(bits: Int)

    var bitCount: Int {
      switch self {
      case .whole(let type): type.byteCount * 8
      case .packed(let bits): bits
      }
    }
  }

  private static let elementTypes: [String: StoredType] = [
    "F32": .whole(.float32), "F16": .whole(.float16), "BF16": .whole(.bfloat16), "F64": .whole(.float64),
    "I64": .whole(.int64), "I32": .whole(.int32), "I16": .whole(.int16), "I8": .whole(.int8),
    "U8": .whole(.uint8), "BOOL": .whole(.bool), "U16": .whole(.uint16), "U32": .whole(.uint32),
    "U64": .whole(.uint64), "C64": .whole(.complex64), "F8_E4M3": .whole(.float8e4m3fn),
    "F8_E5M2": .whole(.float8e5m2), "F8_E4M3FNUZ": .whole(.float8e4m3fnuz),
    "F8_E5M2FNUZ": .whole(.float8e5m2fnuz), "F8_E8M0": .whole(.float8e8m0fnu),
  ]

  private static let packedTypes = ["F4": 4, "F6_E2M3": 6, "F6_E3M2": 6]
}
