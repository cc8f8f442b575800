import FixresBase

extension WorkTally.Kind {
  /// The kind of a file was determined from its first bytes.
  package static let kindDetection = Self("kind detection")
}

extension FileKind {
  /// True for a NumPy array, `.npy`.
  package var isNumPy: Bool { self == .other("NumPy array") }

  /// The kind of the file with the contents `bytes`.
  ///
  /// Tests in this order; the first that matches decides:
  ///
  /// 1. the table of signatures, and `ustar` at byte 257;
  /// 2. safetensors: an 8-byte length of at most 100,000,000, then `{` or white space;
  /// 3. pickle: 0x80 and a protocol of 0 to 5;
  /// 4. text: `{` is JSON, and the openings of HTML and XML;
  /// 5. ONNX, which has no signature: the first fields are those of a `ModelProto`.
  static func detect(_ bytes: Bytes) -> FileKind {
    WorkTally.record(.kindDetection)
    guard bytes.count > 0 else { return .empty }
    if let kind = bySignature(bytes) { return kind }
    if looksLikeSafeTensors(bytes) { return .safetensors }
    if looksLikePickle(bytes) { return .pickle }
    if let kind = byText(bytes) { return kind }
    if looksLikeONNX(bytes) { return .onnx }
    return .unknown(firstBytes: bytes.prefixArray(8))
  }

  private static let signatures: [(bytes: [UInt8], kind: FileKind)] = [
    (Array("FIXRESC\0".utf8), .fixresModel),
    ([0x50, 0x4B, 0x03, 0x04], .zip),
    ([0x50, 0x4B, 0x05, 0x06], .zip),
    ([0x1F, 0x8B], .compressed("gzip")),
    (Array("BZh".utf8), .compressed("bzip2")),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], .compressed("xz")),
    ([0x28, 0xB5, 0x2F, 0xFD], .compressed("zstd")),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], .compressed("7z")),
    (Array("Rar!".utf8), .compressed("rar")),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], .hdf5),
    (Array("version https://git-lfs.github.com/spec/".utf8), .gitLFSPointer),
    ([0x93] + Array("NUMPY".utf8), .other("NumPy array")),
    ([0xFF, 0xD8, 0xFF], .other("JPEG picture")),
    ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], .other("PNG picture")),
    (Array("GIF8".utf8), .other("GIF picture")),
    (Array("GGUF".utf8), .other("GGUF model")),
    (Array("%PDF".utf8), .other("PDF document")),
    ([0x7F] + Array("ELF".utf8), .other("ELF program")),
  ]

  private static func bySignature(_ bytes: Bytes) -> FileKind? {
    if let match = signatures.first(where: { bytes.starts(with: $0.bytes) }) { return match.kind }
    // The first member's name and numbers come before "ustar".
    if let mark = try? bytes.slice(257, 5), mark.starts(with: Array("ustar".utf8)) { return .tar }
    return nil
  }

  /// An 8-byte little-endian header length of at most 100,000,000, then the beginning of a JSON object.
  private static func looksLikeSafeTensors(_ bytes: Bytes) -> Bool {
    let head = bytes.prefixArray(9)
    guard head.count == 9 else { return false }
    let length = head[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length <= SafeTensorsFile.maximumHeaderByteCount
      && (head[8] == UInt8(ascii: "{") || isSpace(head[8]))
  }

  /// The opcode PROTO and its argument; pickles of protocol 0 and 1, which lack it, are not recognised.
  private static func looksLikePickle(_ bytes: Bytes) -> Bool {
    let head = bytes.prefixArray(2)
    return head.count == 2 && head[0] == 0x80 && head[1] <= 5
  }

  private static func byText(_ bytes: Bytes) -> FileKind? {
    var head = bytes.prefixArray(512)[...]
    if head.starts(with: [0xEF, 0xBB, 0xBF]) { head = head.dropFirst(3) }
    head = head.drop(while: isSpace)
    guard let first = head.first else { return nil }
    if first == UInt8(ascii: "{") { return .json }
    let lowered = head.prefix(16).map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    let marks = ["<!doctype", "<html", "<head", "<body", "<?xml", "<!--"]
    return marks.contains { lowered.starts(with: Array($0.utf8)) } ? .html : nil
  }

  /// `ir_version` (field 1, from 1 to 32) and another known field, or known fields only with a graph (7)
  /// among them.
  private static func looksLikeONNX(_ bytes: Bytes) -> Bool {
    // Tags of fields 2 to 8 and 14; all are length-delimited except 0x28, model_version.
    let head = bytes.prefixArray(3)
    guard head.count == 3 else { return false }
    if head[0] == 0x08, (1...32).contains(head[1]) {
      return [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72].contains(head[2])
    }
    guard [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72].contains(head[0]) else { return false }
    var reader = ProtobufReader(bytes, FaultContext(path: "", format: .onnx))
    var hasGraph = false
    for _ in 0..<64 {
      guard let field = try? reader.next() else { break }
      switch (field.number, field.payload) {
      case (7, .bytes): hasGraph = true
      case (1, .varint), (5, .varint), (2, .bytes), (3, .bytes), (4, .bytes), (6, .bytes), (8, .bytes),
        (14, .bytes), (20, .bytes), (25, .bytes), (26, .bytes):
        break
      default: return false
      }
    }
    return hasGraph
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }
}
