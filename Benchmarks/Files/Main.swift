import FixresBase
import FixresIR

/// The bare work behind `fixresc adapt`: reads a file, takes its checksum, copies it, takes the copy's checksum,
/// writes it through a temporary file, fsyncs and renames. `file-bench INPUT OUTPUT` prints the milliseconds.
@main
enum Main {
  static func main() {
    guard CommandLine.arguments.count == 3 else {
      print("usage: file-bench INPUT OUTPUT")
      return
    }
    do {
      try measure(CommandLine.arguments[1], CommandLine.arguments[2])
    } catch {
      print("file-bench: \(error)")
    }
  }

  static func measure(_ input: String, _ output: String) throws {
    let start = MonotonicClock.nanoseconds()
    let bytes = try MappedFile.open(input)
    let sumBefore = ModelFile.checksum(of: bytes)
    let copy = ByteStorage.allocate(byteCount: bytes.count) { block in
      bytes.withUnsafeBytes { block.copyMemory(from: $0) }
    }
    let sumAfter = ModelFile.checksum(of: Bytes(copy))
    var writer = try AtomicFileWriter(path: output)
    try writer.write(Bytes(copy))
    try writer.commit()
    let milliseconds = Double(MonotonicClock.nanoseconds() - start) / 1e6
    print("\(milliseconds) ms, \(bytes.count) bytes, checksums \(sumBefore == sumAfter ? "agree" : "differ")")
  }
}
