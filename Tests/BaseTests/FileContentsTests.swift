import FixresBase
import Synchronization
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Files that other programs change while they are read, as threads of this process stand for.
@Suite struct FileContentsTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/file"
  }

  /// Writes `count` bytes of `value` over the file in place, in calls of `step` bytes.
  private static func overwrite(_ path: String, _ value: UInt8, count: Int, step: Int) {
    let descriptor = open(path, O_WRONLY)
    let bytes = [UInt8](repeating: value, count: step)
    for offset in stride(from: 0, to: count, by: step) {
      _ = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, min(step, count - offset), off_t(offset))
      }
    }
    close(descriptor)
  }

  private static func isUniform(_ bytes: Bytes) -> Bool {
    bytes.withUnsafeBytes { all in
      guard let base = all.baseAddress, all.count > 1 else { return true }
      return memcmp(base, base + 1, all.count - 1) == 0
    }
  }

  @Test(arguments: [0, 1, 4095, 1 << 16, (5 << 20) + 3]) func contentsAreTheFiles(count: Int) throws {
    let expected = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 9) }
    try AtomicFileWriter.write(expected, to: path)
    #expect(try FileContents.read(path).array == expected)
    #expect(try MappedFile.open(path).array == expected)
    #expect(try FileContents.prefix(of: path, byteCount: 7) == Array(expected.prefix(7)))
  }

  @Test func limitsAndKindsAreRefused() throws {
    try AtomicFileWriter.write([1, 2, 3], to: path)
    #expect(throws: FileError.tooLarge(path: path, byteCount: 3, limit: 2)) {
      try FileContents.read(path, limit: 2)
    }
    // A file of holes is refused by its size, before anything is read or allocated.
    truncate(path, 1 << 42)
    #expect(throws: FileError.tooLarge(path: path, byteCount: 1 << 42, limit: 1 << 30)) {
      try FileContents.read(path, limit: FileContents.pictureLimit)
    }
    mkfifo(folder.path + "/fifo", 0o600)
    #expect(throws: FileError.notRegular(path: folder.path + "/fifo")) {
      try FileContents.read(folder.path + "/fifo")
    }
    #expect(throws: FileError.notRegular(path: "/dev/zero")) { try FileContents.read("/dev/zero") }
    #expect(throws: FileError.isDirectory(path: folder.path)) { try FileContents.read(folder.path) }
  }

  /// What is read is the file before or after, never some of each.
  @Test(arguments: [(1 << 16, 1 << 12), (2 << 20, 2 << 20), (2 << 20, 1 << 18)])
  func aFileThatIsOverwrittenIsNeverMixed(byteCount: Int, step: Int) throws {
    try AtomicFileWriter.write([UInt8](repeating: 0, count: byteCount), to: path)
    let stops = Stop()
    let started = WorkerThread { [path] in
      var value: UInt8 = 0
      while !stops.isSet {
        value &+= 1
        Self.overwrite(path, value, count: byteCount, step: step)
        usleep(500)
      }
    }
    guard let writer = started else { throw CancellationError() }
    var (read, refused) = (0, 0)
    for _ in 0..<16 {
      do throws(FileError) {
        let bytes = try FileContents.read(path)
        #expect(Self.isUniform(bytes))
        read += 1
      } catch {
        #expect(error == .changedWhileRead(path: path))
        refused += 1
      }
    }
    stops.set()
    writer.join()
    #expect(read + refused == 16)
  }

  #if os(Linux)
    /// Another process holds its file open while it does not get a processor: what it has written so far is no file.
    @Test func aWriterThatPausesIsWaitedFor() throws {
      let count = 1 << 16
      try AtomicFileWriter.write([UInt8](repeating: 1, count: count), to: path)
      let descriptor = open(path, O_WRONLY)
      let half = [UInt8](repeating: 2, count: count / 2)
      #expect(half.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == half.count)
      let started = WorkerThread {
        usleep(600_000)
        _ = half.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
      }
      guard let writer = started else { throw CancellationError() }
      #expect(try FileContents.read(path).array == half + half)
      writer.join()
    }
  #endif

  @Test func aFileThatShrinksIsNeverPadded() throws {
    let count = 2 << 20
    let stops = Stop()
    try AtomicFileWriter.write([UInt8](repeating: 9, count: count), to: path)
    let started = WorkerThread { [path] in
      while !stops.isSet {
        // The file grows again by what is written, so that it holds no zero at any moment.
        truncate(path, 100)
        Self.overwrite(path, 9, count: count, step: 1 << 20)
      }
    }
    guard let writer = started else { throw CancellationError() }
    for _ in 0..<16 {
      do throws(FileError) {
        let bytes = try FileContents.read(path)
        #expect(Self.isUniform(bytes))
      } catch {
        #expect(error == .changedWhileRead(path: path))
      }
    }
    stops.set()
    writer.join()
  }

  @Test func stampsTellContentsFromNames() throws {
    try AtomicFileWriter.write([1, 2, 3], to: path)
    let descriptor = open(path, O_RDWR)
    defer { close(descriptor) }
    let before = try #require(FileStamp(descriptor: descriptor))
    // The usual way to replace a file leaves the one that is open as it was.
    try AtomicFileWriter.write([4, 5, 6], to: path)
    let replaced = try #require(FileStamp(descriptor: descriptor))
    #expect(replaced.linkCount != before.linkCount && replaced.hasContents(of: before))
    usleep(30_000)
    _ = [UInt8(7)].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, 1, 0) }
    let written = try #require(FileStamp(descriptor: descriptor))
    #expect(!written.hasContents(of: before))
    // A time that is set back shows as a change of the status.
    var times = [timeval(), timeval()]
    #expect(futimes(descriptor, &times) == 0)
    let first = try #require(FileStamp(descriptor: descriptor))
    usleep(30_000)
    _ = [UInt8(8)].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, 1, 0) }
    #expect(futimes(descriptor, &times) == 0)
    let hidden = try #require(FileStamp(descriptor: descriptor))
    #expect(hidden.modified == first.modified && !hidden.hasContents(of: first))
  }
}

private final class Stop: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
