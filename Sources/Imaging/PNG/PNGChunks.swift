import FixresBase

/// Reads the chunks of a PNG in order.
struct PNGChunks {
  struct Chunk {
    let name: String
    let body: Bytes
    /// Byte offset of the chunk's length.
    let offset: Int

    /// Pillow's least lengths of chunks that it reads; `color` decides what tRNS needs.
    func checkLength(_ color: PNGDecoder.ColorType?) throws(ImageError) {
      var least = ["gAMA": 4, "cHRM": 32, "sRGB": 1, "pHYs": 9, "acTL": 8, "fcTL": 26, "fdAT": 4][name] ?? 0
      if name == "tRNS", color == .rgb || color == .grey { least = color == .rgb ? 6 : 2 }
      guard body.count >= least else {
        throw .malformed(
          .png, offset: offset, expected: "\(name) of at least \(least) bytes", found: "\(body.count)")
      }
      try checkCompression()
    }

    /// The one method of compression that there is, 0, behind the name of a profile or a compressed text.
    private func checkCompression() throws(ImageError) {
      guard name == "iCCP" || name == "zTXt" else { return }
      let bytes = body.array
      let end = bytes.firstIndex(of: 0)
      if name == "zTXt", end.map({ $0 + 1 >= bytes.count }) ?? true { return }
      let place = end.map { $0 + 1 } ?? 0
      let method = bytes.indices.contains(place) ? "\(bytes[place])" : "none"
      guard method == "0" else {
        throw .malformed(
          .png, offset: offset, expected: "compression method 0 in \(name)", found: method)
      }
    }
  }

  /// The checks of Pillow that depend on what chunks say; frames of an animation are counted through all of them.
  struct FrameCount {
    private var last: UInt32?
    /// Frames that acTL promises; a second one takes the promise back.
    private var promised: Int?
    private var hasFrame = false

    init() {}

    /// Whether more than one picture is promised: the data before the first fcTL are one of their own.
    var isAnimated: Bool { promised.map { $0 > 1 || !hasFrame } ?? false }

    /// Checks the number of the frame or of its data that `chunk` is.
    mutating func check(_ chunk: Chunk) throws(ImageError) {
      if chunk.name == "acTL" {
        let count = chunk.body.array.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        promised = promised == nil && (1...0x8000_0000).contains(count) ? count : nil
      }
      if chunk.name == "fcTL" { hasFrame = true }
      guard chunk.name == "fcTL" || chunk.name == "fdAT", chunk.body.count >= 4 else { return }
      let number = chunk.body.array.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let isFirst = chunk.name == "fcTL" && last == nil
      guard isFirst ? number == 0 : last.map({ $0 &+ 1 == number && number > 0 }) ?? false else {
        throw .malformed(
          .png, offset: chunk.offset, expected: "\(chunk.name) numbered after the one before",
          found: "\(number)")
      }
      last = number
    }
  }

  private var reader: ByteReader

  init(_ bytes: Bytes) {
    reader = ByteReader(bytes)
    try? reader.seek(to: min(PNGDecoder.signature.count, bytes.count))
  }

  /// The name of the next chunk.
  ///
  /// - Throws: `truncated`, or `malformed` for a name that is none.
  mutating func peekName() throws(ImageError) -> String {
    let start = reader.position
    let name = try readHead().name
    try? reader.seek(to: start)
    return name
  }

  /// The length and the name of the next chunk.
  private mutating func readHead() throws(ImageError) -> (length: Int, name: String) {
    let offset = reader.fileOffset
    do throws(ReadError) {
      let length = Int(try reader.readBig(UInt32.self))
      let letters = try reader.read(4).array
      // Letters, digits and underscores, as Pillow takes them.
      let isName = letters.allSatisfy {
        (0x41...0x5A).contains($0 & 0xDF) || (0x30...0x39).contains($0) || $0 == 0x5F
      }
      guard isName else {
        throw .overflow(offset: offset + 4, what: "the bytes \(letters)")
      }
      return (length, String(decoding: letters, as: UTF8.self))
    } catch {
      switch error {
      case .truncated(let offset, let expected, let found):
        throw .truncated(.png, offset: offset, expected: expected, found: found)
      case .overflow(let offset, let what):
        throw .malformed(.png, offset: offset, expected: "a chunk name of four letters", found: what)
      }
    }
  }

  /// The bodies of the IDAT chunks that follow one another; the last one ends with the file where its length goes beyond.
  ///
  /// - Throws: `truncated` where there is none.
  mutating func data() throws(ImageError) -> [Bytes] {
    var data: [Bytes] = []
    while data.isEmpty || (try? peekName()) == "IDAT" {
      let head = try readHead()
      let count = min(head.length, reader.bytes.count - reader.position)
      guard let body = try? reader.read(count) else { break }
      data.append(body)
      try? reader.seek(to: min(reader.position + 4, reader.bytes.count))
      if count < head.length { break }
    }
    return data
  }

  /// Passes the chunks behind the data to `body` up to IEND, to what is no chunk or to where `body` gives false; their
  /// checksums do not count.
  ///
  /// - Throws: `truncated` where a chunk's body is incomplete, and what `body` throws.
  mutating func skipTail(_ body: (Chunk) throws(ImageError) -> Bool) throws(ImageError) {
    while let head = try? readHead(), head.name != "IEND" {
      let offset = reader.fileOffset - 8
      let found = reader.bytes.count - reader.position
      guard let bytes = try? reader.read(head.length) else {
        throw .truncated(.png, offset: offset + 8, expected: head.length, found: found)
      }
      guard try body(Chunk(name: head.name, body: bytes, offset: offset)) else { return }
      try? reader.seek(to: min(reader.position + 4, reader.bytes.count))
    }
  }

  /// The next chunk.
  ///
  /// - Throws: `truncated`, `malformed`, and `checksum` where `checksIntegrity`.
  mutating func next(checksIntegrity: Bool) throws(ImageError) -> Chunk {
    let offset = reader.fileOffset
    _ = try peekName()
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
    let name = String(decoding: fields.name.array, as: UTF8.self)
    if checksIntegrity {
      let found = fields.named.withUnsafeBytes { CRC32.checksum($0) }
      guard found == fields.stored else {
        throw .checksum(
          .png, offset: offset, part: "chunk \(name)", expected: fields.stored, found: found)
      }
    }
    return Chunk(name: name, body: fields.body, offset: offset)
  }
}
