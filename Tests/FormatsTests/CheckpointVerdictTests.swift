import FixresBase
import FixresFormats
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Writes our verdict on each file of a folder, for Tests/Fixtures/formats/compare_verdicts.py.
@Suite struct CheckpointVerdictTests {
  static let folder = getenv("FIXRESC_VERDICTS").map { String(cString: $0) }

  @Test(.enabled(if: folder != nil, "needs FIXRESC_VERDICTS"))
  func writeVerdicts() throws {
    let folder = try #require(Self.folder)
    let cases = String(decoding: try MappedFile.open(folder + "/cases.txt").array, as: UTF8.self)
    var text = ""
    for name in cases.split(separator: "\n") {
      let verdict: String
      do {
        for tensor in try Checkpoint.load(path: folder + "/" + name).tensors
        where tensor.elementType.isReadable {
          _ = try tensor.float32()
        }
        verdict = "accept"
      } catch { verdict = "\(error)" }
      text += name + "\t" + verdict.replacing("\n", with: " ").replacing("\t", with: " ") + "\n"
    }
    var writer = try AtomicFileWriter(path: folder + "/ours.txt")
    let bytes = Bytes(Array(text.utf8))
    try writer.write(UnsafeRawBufferPointer(start: bytes.unsafeBase, count: bytes.count))
    extendLifetime(bytes)
    try writer.commit()
  }
}
