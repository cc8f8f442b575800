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

@Suite struct BytesTests {
  @Test func slicesNeverLeaveTheirWindow() throws {
    let bytes = Bytes(Array(0..<100))
    let window = try bytes.slice(10, 20)
    #expect(window.array == Array(10..<30) && window.offset == 10)
    #expect(try window.slice(20, 0).count == 0)
    for (start, length) in [(-1, 1), (0, 21), (20, 1), (21, 0), (0, -1), (.max, 1), (1, .max), (.min, .min)] {
      #expect(throws: ReadError.self, "\(start) \(length)") { try window.slice(start, length) }
    }
    #expect(try window.byte(at: 19) == 29)
    #expect(throws: ReadError.self) { try window.byte(at: 20) }
    #expect(throws: ReadError.self) { try window.byte(at: -1) }
  }

  @Test func readersStopAtTheEnd() throws {
    var reader = ByteReader(Bytes([1, 2, 3, 4, 5, 6, 7]))
    #expect(try reader.readLittle(UInt16.self) == 0x0201)
    #expect(try reader.readBig(UInt32.self) == 0x0304_0506)
    #expect(throws: ReadError.truncated(offset: 6, expected: 2, found: 1)) { try reader.readBig(UInt16.self) }
    #expect(try reader.readByte() == 7)
    #expect(reader.isAtEnd)
    #expect(throws: ReadError.self) { try reader.readByte() }
    #expect(throws: ReadError.self) { try reader.seek(to: 8) }
    #expect(throws: ReadError.self) { try reader.read(-1) }
    #expect(throws: ReadError.self) { try reader.read(.max) }
    try reader.seek(to: 0)
    #expect(reader.remaining == 7)
  }

  @Test(.timeLimit(.minutes(1)))
  func onlyRegularFilesAreMapped() throws {
    let folder = try TemporaryFolder()
    mkfifo(folder.path + "/fifo", 0o600)
    #expect(throws: FileError.notRegular(path: folder.path + "/fifo")) {
      try MappedFile.open(folder.path + "/fifo")
    }
    #expect(throws: FileError.isDirectory(path: folder.path)) { try MappedFile.open(folder.path) }
    #expect(throws: FileError.notRegular(path: "/dev/zero")) { try MappedFile.open("/dev/zero") }
    #expect(throws: FileError.notFound(path: folder.path + "/no")) {
      try MappedFile.open(folder.path + "/no")
    }
    #expect(throws: FileError.notFound(path: "a\u{0}b")) { try MappedFile.open("a\u{0}b") }
    try AtomicFileWriter.write([], to: folder.path + "/empty")
    #expect(try MappedFile.open(folder.path + "/empty").count == 0)
  }
}
