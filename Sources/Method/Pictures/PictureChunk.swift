import FixresBase
import FixresImaging
import Synchronization

/// Consecutive samples of a run that are looked up in a cache together.
struct Chunk {
  /// Records of the samples that the cache holds.
  private(set) var found: [Int: (payload: ArraySlice<UInt8>, flags: UInt32)] = [:]
  /// Number of records that were handed out.
  private(set) var emittedCount = 0
  /// Number of those whose pictures have an EXIF orientation.
  private(set) var turnedCount = 0
  /// Numbers of the other samples, ascending.
  let missing: [Int]
  /// What samples are kept by; nil where a picture could not be read.
  private var hashes: [Int: ContentHash] = [:]
  private let pictures: LabelledPictures
  private let augmentation: Augmentation
  private var next: Int

  private static let turned: UInt32 = 1

  /// The samples `range` of `pictures`; without `records` all are missing.
  init(
    _ range: Range<Int>, of pictures: LabelledPictures, _ augmentation: Augmentation,
    _ records: CachedRecords?
  ) {
    (self.pictures, self.augmentation) = (pictures, augmentation)
    next = range.lowerBound
    guard let records else {
      missing = Array(range)
      return
    }
    let variants = augmentation.variantCount
    let wanted = Array(range.lowerBound / variants..<(range.upperBound + variants - 1) / variants)
    let contents = Self.hashes(of: wanted.map { pictures.entries[$0].path })
    for index in range {
      guard let content = contents[index / variants - wanted[0]] else { continue }
      let hash = augmentation.hash(of: content, index: index)
      hashes[index] = hash
      found[index] = records.find(hash)
    }
    let known = found
    missing = range.filter { known[$0] == nil }
  }

  /// The hashes of the files at `paths`; nil where one can't be read.
  private static func hashes(of paths: [String]) -> [ContentHash?] {
    let results = Mutex([ContentHash?](repeating: nil, count: paths.count))
    Concurrently.perform(paths.count) { index in
      let hash = hash(of: paths[index])
      results.withLock { $0[index] = hash }
    }
    return results.withLock { $0 }
  }

  private static func hash(of path: String) -> ContentHash? {
    (try? FileContents.read(path, limit: FileContents.pictureLimit))?.withUnsafeBytes { ContentHash($0) }
  }

  /// Calls `body` with the records found for the samples before `index` that it has not had yet.
  mutating func emit(
    upTo index: Int, into bytes: UnsafeMutableRawBufferPointer,
    _ body: (Int, UnsafeRawBufferPointer) -> Void
  ) {
    while next < index {
      if let record = found.removeValue(forKey: next) {
        bytes.copyBytes(from: record.payload)
        emittedCount += 1
        turnedCount += record.flags & Self.turned != 0 ? 1 : 0
        body(next, UnsafeRawBufferPointer(bytes))
      }
      next += 1
    }
  }

  /// Keeps the bytes of the sample `index`, unless its picture was changed since it was looked up.
  mutating func keep(
    _ index: Int, isTurned: Bool, _ bytes: UnsafeRawBufferPointer, _ records: CachedRecords?
  ) {
    guard let records, let hash = hashes[index],
      let now = Self.hash(of: pictures.entries[index / augmentation.variantCount].path),
      augmentation.hash(of: now, index: index) == hash
    else { return }
    records.keep(hash, flags: isTurned ? Self.turned : 0, bytes)
  }
}

extension Augmentation {
  /// What the sample `index` is kept by, whose picture has the hash `content`: variants that are drawn depend on the
  /// sample's number, others on that of the variant.
  fileprivate func hash(of content: ContentHash, index: Int) -> ContentHash {
    ContentHash(kind == .shift ? "sample \(index)" : "variant \(index % variantCount)", seed: content)
  }
}
