import FixresBase

/// Reads the chunks of a PNG in order.
struct PNGChunks {
  struct Chunk {
    let name: String
    let body: Bytes
    /// Byte offset of the chunk's length.
    let offset: Int
    /// Decoders that do not know the chunk may ignore it.
    let isAncillary: Bool
  }

  private var reader: ByteReader

  init(_ bytes: Bytes) {
    reader = ByteReader(bytes)
    try? reader.seek(to: min(PNGDecoder.signature.count, bytes.count))
  }

  /// The next chunk.
  ///
  /// - Throws: `truncated`, `malformed`, and `checksum` where `checksIntegrity`.
  mutating func next(checksIntegrity: Bool) throws(ImageError) -> Chunk {
    let offset = reader.fileOffset
    let fields: (name: Bytes, body: Bytes, named: Bytes, stored: UInt32)
    do throws(ReadError) {
      let length = Int(try reader.readBig(UInt32.self))
      let start = reader.position
      let name = try reader.read(4)
      let body = try reader.read(length)
      let stored = try reader.readBig(UInt32.self)
      fields = (name, body, try reader.bytes.slice(start, 4 + length), stored)
    } catch {
      switch error {
      case .truncated(let offset, let expected, let found):
        throw .truncated(.png, offset: offset, expected: expected, found: found)
      case .overflow(let offset, let what):
        throw .malformed(.png, offset: offset, expected: "a chunk within the file", found: what)
      }
    }
    let letters = fields.name.array
    guard letters.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) }) else {
      throw .malformed(
        .png, offset: offset + 4, expected: "a chunk name of four letters", found: "\(letters)")
    }
    let name = String(decoding: letters, as: UTF8.self)
    if checksIntegrity {
      let found = fields.named.withUnsafeBytes { CRC32.checksum($0) }
      guard found == fields.stored else {
        throw .checksum(
          .png, offset: offset, part: "chunk \(name)", expected: fields.stored, found: found)
      }
    }
    return Chunk(name: name, body: fields.body, offset: offset, isAncillary: letters[0] & 0x20 != 0)
  }
}
