import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Files read into memory of the process, which no other program can change afterwards.
public enum FileContents {
  /// The most bytes of a picture's file.
  public static let pictureLimit = 1 << 30
  /// The most bytes of a text: a configuration, labels, a list.
  public static let textLimit = 1 << 25
  /// Bytes of one call.
  private static let pieceByteCount = 4 << 20
  /// Contents of less than this are the heap's.
  private static let largeByteCount = 1 << 20

  /// The whole of the regular file at `path`; never blocks on a FIFO or a device.
  ///
  /// - Throws: `FileError`; `tooLarge` beyond `limit` bytes, `changedWhileRead` where another program wrote to the file
  ///   meanwhile.
  public static func read(_ path: String, limit: Int = .max) throws(FileError) -> Bytes {
    try read(OpenFile(path: path), limit: limit)
  }

  /// The first `byteCount` bytes of the regular file at `path`, or all of a shorter one: what its kind is told by.
  ///
  /// - Throws: `FileError`.
  package static func prefix(of path: String, byteCount: Int) throws(FileError) -> [UInt8] {
    let file = try OpenFile(path: path)
    let count = min(byteCount, file.stamp.byteCount)
    return try ByteStorage.allocate(byteCount: count) { (block) throws(FileError) in
      try fill(block, from: file.descriptor, at: 0, path)
    }.contents
  }

  /// The whole of `file`, which is read twice and compared where a write may be under way.
  static func read(_ file: OpenFile, limit: Int = .max) throws(FileError) -> Bytes {
    let count = file.stamp.byteCount
    guard count <= limit else { throw .tooLarge(path: file.path, byteCount: count, limit: limit) }
    guard count > 0 else {
      try file.requireUnchanged()
      return .empty
    }
    let (descriptor, path) = (file.descriptor, file.path)
    let bytes: Bytes
    if count < largeByteCount {
      guard AddressSpace.allows(count) else { throw refusal(path, count) }
      bytes = Bytes(
        try ByteStorage.allocate(byteCount: count) { (block) throws(FileError) in
          try fill(block, from: descriptor, at: 0, path)
        })
    } else {
      guard let block = PageBlock(byteCount: count) else { throw refusal(path, count) }
      let result = fillInPieces(block, from: descriptor, path)
      bytes = block.intoBytes()
      if let result { throw result }
    }
    try file.requireUnchanged()
    if !file.isSettled, !file.isLeased {
      try compare(bytes, with: descriptor, path)
      try file.requireUnchanged()
    }
    return bytes
  }

  private static func refusal(_ path: String, _ count: Int) -> FileError {
    .outOfMemory(path: path, needed: count, available: AddressSpace.available())
  }

  /// Reads `block.count` bytes from byte `offset` of the file on.
  private static func fill(
    _ block: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int, _ path: String
  ) throws(FileError) {
    guard let base = block.baseAddress else { return }
    var done = 0
    while done < block.count {
      let count = pread(descriptor, base + done, block.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last(path, "pread") }
      guard count > 0 else { throw .changedWhileRead(path: path) }
      done += count
    }
  }

  /// Fills `block` on a few threads; the first error, if any.
  private static func fillInPieces(
    _ block: PageBlock, from descriptor: Int32, _ path: String
  ) -> FileError? {
    let (base, byteCount) = (UInt(bitPattern: block.base), block.byteCount)
    let pieceCount = (byteCount + pieceByteCount - 1) / pieceByteCount
    let errors = Mutex<[Int: FileError]>([:])
    Concurrently.perform(pieceCount) { piece in
      let start = piece * pieceByteCount
      let part = UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: base + UInt(start)),
        count: min(pieceByteCount, byteCount - start))
      do throws(FileError) {
        try fill(part, from: descriptor, at: start, path)
      } catch {
        errors.withLock { $0[piece] = error }
      }
    }
    return errors.withLock { $0.min { $0.key < $1.key }?.value }
  }

  /// Reads the file once more: what a write under way had not reached before, it has then.
  private static func compare(_ bytes: Bytes, with descriptor: Int32, _ path: String) throws(FileError) {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { piece.deallocate() }
    var start = 0
    while start < bytes.count {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, bytes.count - start)])
      try fill(part, from: descriptor, at: start, path)
      let isSame = bytes.withUnsafeBytes { all in
        memcmp(all.baseAddress! + start, part.baseAddress!, part.count) == 0
      }
      guard isSame else { throw .changedWhileRead(path: path) }
      start += part.count
    }
  }
}
