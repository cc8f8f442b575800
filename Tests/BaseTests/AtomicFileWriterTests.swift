import FixresBase
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

private func mode(_ path: String) -> mode_t {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
}

@Suite struct AtomicFileWriterTests {
  @Test func writesSmallAndLargeParts() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    var writer = try AtomicFileWriter(path: path)
    var expected: [UInt8] = []
    for count in [3, 100_000, 1, 65_535, 65_536, 0, 200_000] {
      let part = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
      try writer.write(part)
      expected += part
      #expect(writer.byteCount == expected.count)
    }
    try writer.pad(to: 64)
    expected += [UInt8](repeating: 0, count: (64 - expected.count % 64) % 64)
    try writer.overwrite([9, 9, 9], at: 1)
    expected.replaceSubrange(1..<4, with: [9, 9, 9])
    #expect(folder.names.count == 1 && folder.names != ["out"])
    try writer.commit()
    #expect(folder.names == ["out"])
    #expect(try MappedFile.open(path).array == expected)
  }

  @Test("row 19: without commit the old file is whole") func withoutCommitTheOldFileIsWhole() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out"
    try AtomicFileWriter.write([1, 2, 3], to: path)
    func abandon() throws {
      var writer = try AtomicFileWriter(path: path)
      try writer.write([UInt8](repeating: 7, count: 1 << 20))
      #expect(folder.names.count == 2)
    }
    try abandon()
    #expect(folder.names == ["out"])
    #expect(try MappedFile.open(path).array == [1, 2, 3])
  }

  @Test("row 19: the same path can be read and written") func theSamePathCanBeReadAndWritten() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model"
    try AtomicFileWriter.write([UInt8](repeating: 5, count: 300_000), to: path)
    let old = try MappedFile.open(path)
    var writer = try AtomicFileWriter(path: path)
    try writer.write(old)
    try writer.write([6])
    try writer.commit()
    #expect(old.array == [UInt8](repeating: 5, count: 300_000))
    #expect(try MappedFile.open(path).array == [UInt8](repeating: 5, count: 300_000) + [6])
  }

  @Test func permissionsAreThoseOfAnyFile() throws {
    let folder = try TemporaryFolder()
    let plain = folder.path + "/plain"
    let descriptor = creat(plain, 0o666)
    close(descriptor)
    try AtomicFileWriter.write([1], to: folder.path + "/new")
    #expect(mode(folder.path + "/new") == mode(plain))
    chmod(plain, 0o640)
    try AtomicFileWriter.write([1], to: plain)
    #expect(mode(plain) == 0o640)
  }

  @Test func linksAreFollowed() throws {
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write([1], to: folder.path + "/real")
    symlink(folder.path + "/real", folder.path + "/link")
    try AtomicFileWriter.write([2], to: folder.path + "/link")
    #expect(try MappedFile.open(folder.path + "/real").array == [2])
    var status = stat()
    #expect(lstat(folder.path + "/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
  }

  @Test("row 19: unfit places are refused at once") func unfitPlacesAreRefusedAtOnce() throws {
    let folder = try TemporaryFolder()
    #expect(throws: FileError.isDirectory(path: folder.path)) { _ = try AtomicFileWriter(path: folder.path) }
    let missing = folder.path + "/none/out"
    #expect(throws: FileError.notFound(path: folder.path + "/none")) {
      _ = try AtomicFileWriter(path: missing)
    }
    #expect(throws: FileError.self) { _ = try AtomicFileWriter(path: "") }
    #expect(throws: FileError.self) { _ = try AtomicFileWriter(path: folder.path + "/a\u{0}b") }
    mkfifo(folder.path + "/fifo", 0o600)
    #expect(throws: FileError.notRegular(path: folder.path + "/fifo")) {
      _ = try AtomicFileWriter(path: folder.path + "/fifo")
    }
    #expect(folder.names == ["fifo"])
  }

  /// A file that a killed process left goes with the next output; one whose maker is alive, in whatever process, stays.
  @Test func whatIsLeftOverGoesAndWhatIsInUseStays() throws {
    let folder = try TemporaryFolder()
    let names = [
      ".fixresc-0123456789abcdef.part", ".fixresc-fedcba9876543210.part", ".fixresc-note.txt", "x.part",
    ]
    for name in names { close(creat(folder.path + "/" + name, 0o600)) }
    // Locks of one process count between two openings of a file as they do between processes.
    let held = open(folder.path + "/" + names[1], O_RDONLY)
    #expect(flock(held, LOCK_EX | LOCK_NB) == 0)
    try AtomicFileWriter.write([1], to: folder.path + "/out")
    #expect(Set(folder.names) == Set(names[1...] + ["out"]))
    close(held)
    try AtomicFileWriter.write([2], to: folder.path + "/out")
    #expect(Set(folder.names) == Set(names[2...] + ["out"]))
  }

  /// A file that its maker has not locked yet is protected by the maker's lock on the folder.
  @Test func whatIsNotLockedYetStays() throws {
    let folder = try TemporaryFolder()
    let name = ".fixresc-0123456789abcdef.part"
    close(creat(folder.path + "/" + name, 0o600))
    let link = folder.path + "-link"
    symlink(folder.path, link)
    defer { unlink(link) }
    let maker = open(folder.path, O_RDONLY | O_DIRECTORY)
    #expect(flock(maker, LOCK_SH | LOCK_NB) == 0)
    try AtomicFileWriter.write([1], to: folder.path + "/out")
    try AtomicFileWriter.write([2], to: link + "/out")
    #expect(Set(folder.names) == [name, "out"])
    flock(maker, LOCK_UN)
    try AtomicFileWriter.write([3], to: link + "/out")
    #expect(folder.names == ["out"])
    close(maker)
  }

  /// The maker waits a while for whoever removes files, but makes its file in the end.
  @Test func aMakerLocksTheFolder() throws {
    let folder = try TemporaryFolder()
    let remover = open(folder.path, O_RDONLY | O_DIRECTORY)
    #expect(flock(remover, LOCK_EX | LOCK_NB) == 0)
    let start = MonotonicClock.nanoseconds()
    try AtomicFileWriter.write([1], to: folder.path + "/out")
    #expect(MonotonicClock.nanoseconds() - start >= 19_000_000)
    #expect(folder.names == ["out"])
    flock(remover, LOCK_UN)
    // The lock went with the file's making: nothing holds the folder now.
    let writer = try AtomicFileWriter(path: folder.path + "/out")
    #expect(flock(remover, LOCK_EX | LOCK_NB) == 0)
    withExtendedLifetime(writer) {}
    close(remover)
  }

  @Test func onlyRegularFilesAreRemoved() throws {
    let folder = try TemporaryFolder()
    let names = (0..<3).map { ".fixresc-000000000000000\($0).part" }
    mkfifo(folder.path + "/" + names[0], 0o600)
    mkdir(folder.path + "/" + names[1], 0o700)
    close(creat(folder.path + "/target", 0o600))
    symlink("target", folder.path + "/" + names[2])
    try AtomicFileWriter.write([1], to: folder.path + "/out")
    #expect(Set(folder.names) == Set(names + ["out", "target"]))
  }

  @Test func aFileInTheMakingIsLocked() throws {
    let folder = try TemporaryFolder()
    var writer = try AtomicFileWriter(path: folder.path + "/out")
    try writer.write([1])
    let name = try #require(folder.names.first)
    #expect(name.hasPrefix(".fixresc-") && name.hasSuffix(".part"))
    let other = open(folder.path + "/" + name, O_RDONLY)
    #expect(flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    close(other)
    try writer.commit()
    #expect(folder.names == ["out"])
  }

  @Test func aDeviceStaysADevice() throws {
    try AtomicFileWriter.write([1, 2, 3], to: "/dev/null")
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full"))
  func aFullDiskIsAnError() throws {
    #expect(throws: FileError.system(path: "/dev/full", call: "write", errno: ENOSPC)) {
      try AtomicFileWriter.write([UInt8](repeating: 1, count: 1 << 20), to: "/dev/full")
    }
  }
}
