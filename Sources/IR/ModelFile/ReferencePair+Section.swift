import FixresBase

/// The `REFS` section: u32 byte count of the index, u32 zero, the index as JSON, and from the next multiple of 64 on the
/// inputs and outputs, each on a multiple of 64 from there.
extension ReferencePair {
  /// Version of the section's layout; a reader passes over a later one, as references change no result.
  package static let version = 1
  /// Most references of a file.
  package static let mostReferences = 256
  /// Most bytes of a section's index.
  static let mostIndexBytes = 1 << 20
  static let longestName = 1024

  /// What comes before the blobs of `references`, padded to where they begin, and the blobs.
  static func section(of references: [ReferencePair]) -> (head: [UInt8], blobs: [Bytes]) {
    var blobs: [Bytes] = []
    var end = 0
    func place(_ bytes: Bytes) -> JSON {
      let start = ModelFile.roundUp(end)
      end = start + bytes.count
      blobs.append(bytes)
      return JSON(start)
    }
    let entries = references.map { reference -> JSON in
      var object = JSON.Object()
      object["name"] = .string(reference.name)
      switch reference.input {
      case .tensor(let tensor):
        object["kind"] = "tensor"
        object["shape"] = JSON(tensor.shape)
        object["offset"] = place(tensor.bytes)
      case .picture(let picture):
        object["kind"] = "picture"
        object["offset"] = place(picture.bytes)
        object["byte_count"] = JSON(picture.bytes.count)
        object["preprocessing"] = .object(picture.preprocessing.json)
        object["size"] = JSON([picture.size.height, picture.size.width])
        object["exif"] = JSON(picture.appliesOrientation)
      }
      object["outputs"] = ["shape": JSON(reference.outputs.shape), "offset": place(reference.outputs.bytes)]
      return .object(object)
    }
    let text = Array(
      (["version": JSON(version), "references": .array(entries)] as JSON).serialized(pretty: true).utf8)
    var head = withUnsafeBytes(of: UInt32(text.count).littleEndian) { Array($0) } + [0, 0, 0, 0] + text
    head += [UInt8](repeating: 0, count: ModelFile.roundUp(head.count) - head.count)
    return (head, blobs)
  }

  /// Reads the section.
  package static func read(_ section: Bytes) throws(IRError) -> [ReferencePair] {
    let index: Bytes
    let blobs: Bytes
    var start = 8
    do {
      var reader = ByteReader(section)
      let byteCount = Int(try reader.readLittle(UInt32.self))
      guard byteCount <= mostIndexBytes else {
        throw IRError.modelFile(section: "REFS", .byteCount(expected: mostIndexBytes, found: byteCount))
      }
      start = ModelFile.roundUp(8 + byteCount)
      index = try section.slice(8, byteCount)
      blobs = try section.slice(start, max(section.count - start, 0))
    } catch let error as IRError {
      throw error
    } catch {
      throw .modelFile(
        section: "REFS", .truncated(expectedByteCount: start, foundByteCount: section.count))
    }
    let root: JSON
    do { root = try JSON.parse(index) } catch { throw .modelFile(section: "REFS", .json(error)) }
    guard let version = root["version"]?.integerValue, version > 0 else {
      throw fault("version", "a positive integer")
    }
    guard version <= Self.version else { return [] }
    guard let list = root["references"]?.arrayValue, list.count <= mostReferences else {
      throw fault("references", "a list of at most \(mostReferences)")
    }
    var references: [ReferencePair] = []
    var source = BlobReader(blobs: blobs)
    for entry in list { references.append(try ReferencePair(entry, &source)) }
    guard source.end == blobs.count else {
      throw .modelFile(section: "REFS", .byteCount(expected: source.end, found: blobs.count))
    }
    return references
  }

  private init(_ json: JSON, _ blobs: inout BlobReader) throws(IRError) {
    guard let name = json["name"]?.stringValue, name.utf8.count <= Self.longestName else {
      throw Self.fault("name", "a string of at most \(Self.longestName) bytes")
    }
    let input: Input
    switch json["kind"]?.stringValue {
    case "tensor":
      input = .tensor(try blobs.tensor(json, rank: 4))
    case "picture":
      guard let size = json["size"]?.arrayValue?.compactMap(\.integerValue), size.count == 2,
        size.allSatisfy({ (1...32768).contains($0) })
      else { throw Self.fault("size", "two sides from 1 to 32768") }
      guard let count = json["byte_count"]?.integerValue else {
        throw Self.fault("byte_count", "a number of bytes within the section")
      }
      input = .picture(
        PictureInput(
          bytes: try blobs.next(json, count),
          preprocessing: try Preprocessing(json: json["preprocessing"] ?? .null, section: "REFS"),
          size: Extent(size[0], size[1]), appliesOrientation: json["exif"]?.boolValue ?? false))
    default: throw Self.fault("kind", "tensor or picture")
    }
    let outputs = try blobs.tensor(json["outputs"] ?? .null, rank: 2)
    if case .tensor(let tensor) = input, tensor.shape[0] != outputs.shape[0] {
      throw Self.fault("outputs", "a row for each of \(tensor.shape[0]) inputs")
    }
    if case .picture = input, outputs.shape[0] != 1 { throw Self.fault("outputs", "one row for a picture") }
    self.init(name: name, input: input, outputs: outputs)
  }

  /// The blobs in their order.
  private struct BlobReader {
    let blobs: Bytes
    var end = 0

    mutating func tensor(_ json: JSON, rank: Int) throws(IRError) -> Tensor {
      guard let list = json["shape"]?.arrayValue, case let shape = list.compactMap(\.integerValue),
        shape.count == list.count, shape.count == rank, shape.allSatisfy({ $0 > 0 }),
        let count = Int.checkedProduct(shape + [4]), count <= blobs.count
      else { throw fault("shape", "\(rank) positive sides of a tensor within the section") }
      return Tensor(shape: shape, bytes: try next(json, count))
    }

    mutating func next(_ json: JSON, _ count: Int) throws(IRError) -> Bytes {
      let start = ModelFile.roundUp(end)
      guard json["offset"]?.integerValue == start, let bytes = try? blobs.slice(start, count) else {
        throw fault("offset", "\(start), behind what comes before, within the section")
      }
      end = start + count
      return bytes
    }
  }

  private static func fault(_ key: String, _ expected: String) -> IRError {
    .modelFile(section: "REFS", .metadata(key: key, expected: expected))
  }
}
