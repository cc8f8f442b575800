import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A folder of what networks computed from pictures, for runs to come.
///
/// A record is found by what it depends on alone: the network's graph and constants, the kernels' kind, this build,
/// the preprocessing, and the picture's contents; its path and dates do not matter, so nothing in it is ever stale.
/// Every record has a checksum, and one that is damaged is computed again. Each process appends to files of its own,
/// so that two can share a folder, and one that is killed loses at most the record that it was writing. Beyond
/// `limit` bytes the files that were not used for longest are removed.
package final class FeatureCache: @unchecked Sendable {
  // Sendable because one run at a time uses it.
  /// Path of the folder.
  package let path: String
  /// Bytes of all files together, at most.
  package let limit: Int
  /// Whether a record could not be kept, as the limit is reached or the disk refuses.
  package private(set) var isFull = false
  /// Others who compute what is asked for; nothing is looked up or kept then.
  package let workers: PictureWorkers?
  private var active: Set<String> = []
  private var unchecked = 0

  /// The limit of a cache for which none is stated.
  package static let usualLimit = 16 << 30
  /// The folder is looked at again after so many bytes, or a part of a small limit.
  private var checkInterval: Int { min(64 << 20, limit / 8) }

  /// Half of what the file system of `path`, a file, has free.
  package static func affordableLimit(beside path: String) -> Int {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    var status = statvfs()
    guard FileName.withBytes(folder, { statvfs($0, &status) }) == 0 else { return usualLimit }
    return Int.checkedProduct([Int(clamping: status.f_bavail), Int(clamping: status.f_frsize)]).map { $0 / 2 }
      ?? usualLimit
  }

  /// The cache in the folder `path`, which is made when the first record is kept.
  package init(path: String, limit: Int = usualLimit) {
    (self.path, self.limit, workers) = (path, limit, nil)
  }

  /// In place of a cache, `workers` who compute everything.
  package init(_ workers: PictureWorkers) {
    (path, limit, self.workers) = (workers.folder, Self.usualLimit, workers)
  }

  /// Makes the folder, or throws where records can't be kept in it.
  ///
  /// - Throws: `FileError`.
  package func requireWritable() throws(FileError) {
    if FileName.withBytes(path, { mkdir($0, 0o777) }) != 0, errno != EEXIST { throw .last(path, "mkdir") }
    guard DirectoryListing.kind(of: path) == .directory else { throw .isNotDirectory(path: path) }
    guard FileName.withBytes(path, { access($0, W_OK | X_OK) }) == 0 else { throw .last(path, "access") }
  }

  /// Removes the cache's files, and the folder where nothing else is in it.
  package func remove() {
    guard workers == nil else { return }
    for name in names { _ = FileName.withBytes(DirectoryListing.join(path, name)) { unlink($0) } }
    _ = FileName.withBytes(path) { rmdir($0) }
  }

  /// The records of `key`, whose payloads have `payloadByteCount` bytes.
  func records(of key: ContentHash, payloadByteCount: Int) -> CachedRecords {
    let segments = names.filter { $0.hasPrefix(key.text + "-") }.map { DirectoryListing.join(path, $0) }
    let readers = segments.compactMap { path in
      CacheReader(path: path, key: key, payloadByteCount: payloadByteCount).map { (path, $0) }
    }
    for (path, _) in readers {
      _ = FileName.withBytes(path) { utimes($0, nil) }
      active.insert(path)
    }
    return CachedRecords(self, key, readers.map(\.1), payloadByteCount: payloadByteCount)
  }

  private var names: [String] {
    ((try? DirectoryListing.names(in: path)) ?? []).filter { $0.hasSuffix(CacheSegment.suffix) }
  }

  // MARK: - Writing

  /// A new file for records of `key`; nil where the folder refuses it.
  func writer(for key: ContentHash, payloadByteCount: Int) -> CacheWriter? {
    _ = FileName.withBytes(path) { mkdir($0, 0o777) }
    let name = "\(key.text)-\(getpid())-\(MonotonicClock.nanoseconds())\(CacheSegment.suffix)"
    let file = DirectoryListing.join(path, name)
    active.insert(file)
    return CacheWriter(path: file, key: key, payloadByteCount: payloadByteCount)
  }

  /// Whether `byteCount` more bytes may be written; removes old files where they exceed the limit.
  func makesRoom(for byteCount: Int) -> Bool {
    guard !isFull else { return false }
    unchecked += byteCount
    guard unchecked >= checkInterval || unchecked == byteCount else { return true }
    unchecked = 1
    var files = names.compactMap { File(path: DirectoryListing.join(path, $0)) }
    var total = files.reduce(byteCount) { $0 + $1.byteCount }
    files.sort { $0.time < $1.time }
    for file in files where total > limit - checkInterval && !active.contains(file.path) {
      _ = FileName.withBytes(file.path) { unlink($0) }
      total -= file.byteCount
    }
    if total > limit - checkInterval { isFull = true }
    return !isFull
  }

  /// Nothing more is kept: a write has failed.
  func stop() { isFull = true }

  private struct File {
    let path: String
    let byteCount: Int
    let time: Double

    init?(path: String) {
      var status = stat()
      guard FileName.withBytes(path, { stat($0, &status) }) == 0 else { return nil }
      #if canImport(Darwin)
        let modified = status.st_mtimespec
      #else
        let modified = status.st_mtim
      #endif
      self.path = path
      byteCount = Int(status.st_size)
      time = Double(modified.tv_sec) + Double(modified.tv_nsec) * 1e-9
    }
  }
}

/// The records of one network and preprocessing in a cache.
final class CachedRecords {
  private let cache: FeatureCache
  private let key: ContentHash
  private let readers: [CacheReader]
  private var places: [ContentHash: (reader: Int, index: Int)] = [:]
  private var writer: CacheWriter?
  let payloadByteCount: Int

  fileprivate init(
    _ cache: FeatureCache, _ key: ContentHash, _ readers: [CacheReader], payloadByteCount: Int
  ) {
    (self.cache, self.key, self.readers) = (cache, key, readers)
    self.payloadByteCount = payloadByteCount
    for (number, reader) in readers.enumerated() {
      for index in 0..<max(reader.count, 0) {
        if let hash = reader.hash(of: index) { places[hash] = (number, index) }
      }
    }
  }

  /// The payload and flags kept for the sample `hash`; nil where there is none that is sound.
  func find(_ hash: ContentHash) -> (payload: ArraySlice<UInt8>, flags: UInt32)? {
    guard let place = places[hash] else { return nil }
    var record = [UInt8](repeating: 0, count: CacheSegment.stride(payloadByteCount))
    let flags = record.withUnsafeMutableBytes {
      readers[place.reader].read(place.index, hash: hash, into: $0)
    }
    guard let flags else {
      places[hash] = nil
      return nil
    }
    let start = CacheSegment.recordHeaderByteCount
    return (record[start..<start + payloadByteCount], flags)
  }

  /// Keeps a sample's payload, as long as the cache has room.
  func keep(_ hash: ContentHash, flags: UInt32, _ payload: UnsafeRawBufferPointer) {
    guard cache.makesRoom(for: CacheSegment.stride(payloadByteCount)) else { return }
    if writer == nil { writer = cache.writer(for: key, payloadByteCount: payloadByteCount) }
    guard let writer else { return cache.stop() }
    writer.append(CacheSegment.record(hash, flags: flags, payload))
    if !writer.isOpen { cache.stop() }
  }
}
