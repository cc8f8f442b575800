import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Rows of floats, one a sample, in memory or, beyond a budget, in a file that the system pages in.
package final class SampleStore: @unchecked Sendable {
  // Sendable because one run fills it before anyone reads.
  /// Floats of a row.
  package let floatsPerSample: Int
  /// Number of rows that have been appended.
  package private(set) var count = 0
  /// Whether the rows are in a file.
  package let isOnDisk: Bool
  /// The first row.
  package let base: UnsafeMutablePointer<Float>
  private let byteCount: Int
  private let capacity: Int

  /// Rows of features are padded with zeros to a multiple of this many floats, a panel of the classifier's kernels.
  package static let alignment = 8

  /// Floats of a row of `featureCount` features, padding included.
  package static func stride(_ featureCount: Int) -> Int {
    (featureCount + alignment - 1) / alignment * alignment
  }

  /// Memory for `capacity` samples; beyond `memoryBudget` bytes, in an unlinked file in the folder of `path`.
  ///
  /// - Throws: `MethodError.cache` where memory or the file is refused.
  package init(
    capacity: Int, floatsPerSample: Int, memoryBudget: Int, path: String
  ) throws(MethodError) {
    guard let bytes = Int.checkedProduct([max(capacity, 1), max(floatsPerSample, 1), 4]) else {
      throw .cache(path: path, byteCount: .max, errno: ENOMEM)
    }
    isOnDisk = bytes > memoryBudget
    let memory =
      isOnDisk
      ? try Self.mapFile(beside: path, bytes)
      : mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | Self.anonymous, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .cache(path: path, byteCount: bytes, errno: errno) }
    base = memory.bindMemory(to: Float.self, capacity: bytes / 4)
    (self.capacity, self.floatsPerSample, byteCount) = (capacity, floatsPerSample, bytes)
  }

  deinit { munmap(base, byteCount) }

  #if canImport(Darwin)
    private static let anonymous = MAP_ANON
  #else
    private static let anonymous = MAP_ANONYMOUS
  #endif

  /// Maps a file of `byteCount` bytes that is unlinked at once, so that no crash leaves it behind.
  private static func mapFile(beside path: String, _ byteCount: Int) throws(MethodError)
    -> UnsafeMutableRawPointer?
  {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    let file: TemporaryFile
    do {
      file = try TemporaryFile(in: folder, permissions: 0o600)
    } catch {
      if case .system(_, _, let code) = error { throw .cache(path: path, byteCount: byteCount, errno: code) }
      throw .cache(path: path, byteCount: byteCount, errno: EACCES)
    }
    file.removeName()
    let (name, descriptor) = (file.path, file.descriptor)
    defer { extendLifetime(file) }
    #if canImport(Darwin)
      let status = ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
    #else
      // A hole that the disk has no room for would end the process when it is written to.
      let status = posix_fallocate(descriptor, 0, off_t(byteCount))
    #endif
    guard status == 0 else { throw .cache(path: name, byteCount: byteCount, errno: status) }
    return mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
  }

  /// The next row, to be filled; floats beyond what is written are zero.
  package func append() -> UnsafeMutablePointer<Float> {
    precondition(count < capacity, "a store of \(capacity) samples is full")
    count += 1
    return base + (count - 1) * floatsPerSample
  }

  /// The row of the sample `index`.
  package subscript(index: Int) -> UnsafePointer<Float> {
    UnsafePointer(base + index * floatsPerSample)
  }

  /// All rows, one after another.
  package var values: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: base, count: count * floatsPerSample)
  }
}
