import FixresBase

/// The `PACK` section: u32 byte count of the index, u32 zero, the index as JSON, and from the next multiple of 64 on the
/// elements, each constant's on a multiple of 64 from there.
extension PackedConstant {
  /// Version of the section's layout and of every arrangement in it; a reader passes over any other one, as packed
  /// constants change no result. It rises whenever the bytes of any arrangement change.
  package static let version = 1
  package static let longestLayout = 128
  /// An index is some 150 bytes a tensor; parsing a longer one would take more memory than a model can justify.
  package static let mostIndexBytes = 1 << 24
  static let prefixByteCount = 8

  /// What comes before the elements of `packed`, padded to where they begin; `constantsChecksum` is the `CNST`
  /// section's.
  static func head(of packed: [PackedConstant], constantsChecksum: UInt32) -> [UInt8] {
    var offset = 0
    let tensors = packed.map { entry -> JSON in
      defer { offset = ModelFile.roundUp(offset + entry.elements.byteCount) }
      return [
        "constant": .string(entry.constant), "layout": .string(entry.layout), "offset": JSON(offset),
        "count": JSON(entry.elements.elementCount),
      ]
    }
    let index: JSON = [
      "version": JSON(version), "constants_checksum": JSON(Int(constantsChecksum)),
      "tensors": .array(tensors),
    ]
    let text = Array(index.serialized(pretty: true).utf8)
    var head = withUnsafeBytes(of: UInt32(text.count).littleEndian) { Array($0) } + [0, 0, 0, 0] + text
    head += [UInt8](repeating: 0, count: ModelFile.roundUp(head.count) - head.count)
    return head
  }

  /// Reads the section, which was made for `constants` of that checksum; whether an arrangement fits a kernel is the
  /// runtime's to say.
  package static func read(
    _ section: Bytes, for constants: Constants, checksum: UInt32
  ) throws(IRError) -> [PackedConstant] {
    let index: Bytes
    let elements: Bytes
    var start = prefixByteCount
    do {
      var reader = ByteReader(section)
      let byteCount = Int(try reader.readLittle(UInt32.self))
      guard byteCount <= mostIndexBytes else {
        throw IRError.modelFile(section: "PACK", .byteCount(expected: mostIndexBytes, found: byteCount))
      }
      start = ModelFile.roundUp(prefixByteCount + byteCount)
      index = try section.slice(prefixByteCount, byteCount)
      elements = try section.slice(start, max(section.count - start, 0))
    } catch let error as IRError {
      throw error
    } catch {
      throw .modelFile(
        section: "PACK", .truncated(expectedByteCount: start, foundByteCount: section.count))
    }
    let root: JSON
    do { root = try JSON.parse(index) } catch { throw .modelFile(section: "PACK", .json(error)) }
    guard let version = root["version"]?.integerValue, version > 0 else {
      throw fault("version", "a positive integer")
    }
    guard version == Self.version else { return [] }
    guard root["constants_checksum"]?.integerValue == Int(checksum) else {
      throw fault("constants_checksum", "\(checksum), that of the constants in this file")
    }
    guard let list = root["tensors"]?.arrayValue else { throw fault("tensors", "a list") }
    var packed: [PackedConstant] = []
    var known: Set<[UTF8Key]> = []
    var end = 0
    for element in list {
      let entry = try PackedConstant(element, elements, constants, from: end)
      guard known.insert([UTF8Key(entry.constant), UTF8Key(entry.layout)]).inserted else {
        throw fault("tensors", "each layout of a constant once")
      }
      end = entry.elements.bytes.offset - elements.offset + entry.elements.byteCount
      packed.append(entry)
    }
    guard end == elements.count else {
      throw .modelFile(section: "PACK", .byteCount(expected: end, found: elements.count))
    }
    return packed
  }

  /// The entry that `json` describes, its elements the next ones behind byte `end` of `elements`.
  private init(_ json: JSON, _ elements: Bytes, _ constants: Constants, from end: Int) throws(IRError) {
    guard let name = json["constant"]?.stringValue, let source = constants[name] else {
      throw Self.fault("constant", "the name of a constant")
    }
    guard let layout = json["layout"]?.stringValue, layout.utf8.count <= Self.longestLayout else {
      throw Self.fault("layout", "a string of at most \(Self.longestLayout) bytes")
    }
    guard let offset = json["offset"]?.integerValue, offset == ModelFile.roundUp(end) else {
      throw Self.fault("offset", "\(ModelFile.roundUp(end)), behind the tensor before")
    }
    guard let count = json["count"]?.integerValue, count > 0, count <= elements.count / 4,
      let bytes = try? elements.slice(offset, count * 4)
    else { throw Self.fault("count", "a positive number of elements within the section") }
    self.init(
      constant: name, layout: layout, elements: Tensor(shape: [count], bytes: bytes), source: source)
  }

  private static func fault(_ key: String, _ expected: String) -> IRError {
    .modelFile(section: "PACK", .metadata(key: key, expected: expected))
  }
}
