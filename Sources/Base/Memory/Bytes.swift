/// Watches memory that something beside the process may change.
package protocol ByteWitness: AnyObject, Sendable {
  /// Whether the bytes are what they were.
  var isUnchanged: Bool { get }
  /// Called once, before the memory goes.
  func end()
}

/// An owned block of immutable memory (a mapped file, a heap block or an array), released with the last reference.
public final class ByteStorage: @unchecked Sendable {
  // Sendable because the bytes are not written after `init`.
  package let base: UnsafeRawPointer
  package let count: Int
  /// Of a mapped file; nil for memory of the process.
  package let witness: (any ByteWitness)?
  private let release: @Sendable () -> Void

  package init(
    base: UnsafeRawPointer, count: Int, witness: (any ByteWitness)? = nil,
    release: @escaping @Sendable () -> Void
  ) {
    self.base = base
    self.count = count
    self.witness = witness
    self.release = release
  }

  deinit {
    witness?.end()
    release()
  }

  /// A copy of the bytes.
  var contents: [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: count)) }

  /// True where the pages are backed by a file, so that dropping them loses nothing.
  package var isFileMapping: Bool { witness != nil }

  /// A heap block of `byteCount` bytes aligned to 64 bytes, filled by `initialize`.
  package static func allocate<E: Error>(
    byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) -> ByteStorage {
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    do {
      try initialize(UnsafeMutableRawBufferPointer(start: block, count: byteCount))
    } catch {
      block.deallocate()
      throw error
    }
    let address = UInt(bitPattern: block)
    return ByteStorage(base: UnsafeRawPointer(block), count: byteCount) {
      UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
    }
  }
}

/// A checked window into shared, immutable bytes.
public struct Bytes: Sendable {
  package let storage: ByteStorage
  /// First byte of the window, counted from the start of the file or block.
  public let offset: Int
  /// Bytes in the window.
  public let count: Int

  package init(_ storage: ByteStorage) {
    self.storage = storage
    self.offset = 0
    self.count = storage.count
  }

  private init(storage: ByteStorage, offset: Int, count: Int) {
    self.storage = storage
    self.offset = offset
    self.count = count
  }

  /// A copy of `array`.
  public init(_ array: [UInt8]) {
    self.init(
      ByteStorage.allocate(byteCount: array.count) { block in
        array.withUnsafeBytes { block.copyMemory(from: $0) }
      })
  }

  /// The caller's memory, without a copy; it must stay as it is as long as any window of it lives.
  package init(borrowing memory: UnsafeRawBufferPointer) {
    guard let base = memory.baseAddress else {
      self = .empty
      return
    }
    self.init(ByteStorage(base: base, count: memory.count) {})
  }

  /// A window of no bytes.
  public static let empty = Bytes([])

  /// The part `[start, start + length)` of this window, without a copy.
  ///
  /// - Throws: `truncated` where the part does not fit.
  public func slice(_ start: Int, _ length: Int) throws(ReadError) -> Bytes {
    guard start >= 0, length >= 0, start <= count, length <= count - start else {
      throw ReadError.truncated(
        offset: offset.addingSaturated(max(start, 0)), expected: length,
        found: max(0, count - max(0, min(start, count))))
    }
    return Bytes(storage: storage, offset: offset + start, count: length)
  }

  /// Byte `index` of the window.
  ///
  /// - Throws: `truncated` where the window is shorter.
  public func byte(at index: Int) throws(ReadError) -> UInt8 {
    guard index >= 0, index < count else {
      throw ReadError.truncated(offset: offset.addingSaturated(max(index, 0)), expected: 1, found: 0)
    }
    return storage.base.load(fromByteOffset: offset + index, as: UInt8.self)
  }

  /// Calls `body` with the bytes, which are valid during the call only.
  ///
  /// - Throws: what `body` throws.
  @inlinable
  public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    let result = try body(UnsafeRawBufferPointer(start: unsafeBase, count: count))
    extendLifetime(self)
    return result
  }

  /// Address of the first byte; valid as long as a window of the same storage is alive.
  public var unsafeBase: UnsafeRawPointer { storage.base + offset }

  /// True when the window starts with `prefix`.
  public func starts(with prefix: [UInt8]) -> Bool {
    guard count >= prefix.count else { return false }
    return withUnsafeBytes { bytes in prefix.indices.allSatisfy { bytes[$0] == prefix[$0] } }
  }

  /// A copy of the bytes.
  public var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

/// Why bytes could not be read; offsets count from the start of the file.
public enum ReadError: Error, Hashable, Sendable {
  /// `expected` bytes were needed at `offset` and only `found` were left.
  case truncated(offset: Int, expected: Int, found: Int)
  /// The value at `offset`, described by `what`, exceeds the integer type that holds it.
  case overflow(offset: Int, what: String)
}
