import FixresBase
import FixresIR
import FixresRuntime

#if canImport(Glibc)
  import Glibc
#endif

/// What the tests ask of the engine in a process of its own.
///
/// `engine-probe allocations MODEL ISA THREADS BATCH [--allocate]` counts calls of the allocator and of `mmap`, and
/// the bytes that are newly mapped, in 100 runs after the first; with `--allocate` each run makes an array, to
/// show that it would be seen. `engine-probe open MODEL THREADS [--verify]` prints the milliseconds of opening a
/// model by the library, with `--verify` its packed weights verified, and of its first run. `engine-probe faults FILE` shortens the file while it is mapped, and faults again elsewhere, which
/// its own handler takes. `engine-probe fork MODEL N` forks N times in the middle of runs. `engine-probe refused MODEL` gives up the right to executable memory first (Linux 6.3).
@main
struct EngineProbe {
  private static let runs = 100

  static func main() throws {
    #if canImport(Glibc)
      let words = CommandLine.arguments
      switch (words.dropFirst().first, words.count) {
      case ("allocations", 6...):
        var options = SessionOptions(threads: Int(words[4]), maximumBatch: 8)
        options.instructionSet = words[3]
        let model = try ModelFile.open(words[2])
        let session = try Session(model: model, options: options)
        try count(session, batch: Int(words[5]) ?? 1, allocates: words.contains("--allocate"))
        withExtendedLifetime(model) {}
      case ("open", 4...5):
        try timeOpening(words[2], threads: Int(words[3]), verifies: words.last == "--verify")
      case ("faults", 3): try faults(words[2])
      case ("fork", 4): try Forks.run(words[2], count: Int(words[3]) ?? 1)
      case ("refused", 3): try runRefused(words[2])
      default:
        print(
          "usage: engine-probe allocations MODEL ISA THREADS BATCH [--allocate] | open MODEL THREADS [--verify] | refused MODEL"
            + " | faults FILE | fork MODEL N"
        )
        exit(2)
      }
    #else
      print("needs glibc")
      exit(3)
    #endif
  }

  #if canImport(Glibc)
    private static func count(_ session: Session, batch: Int, allocates: Bool) throws {
      let input = [Float](repeating: 0.25, count: session.inputShape.reduce(batch, *))
      var logits = [Float](repeating: 0, count: batch * session.classCount)
      var features = [Float](repeating: 0, count: batch * session.featureCount)
      guard CountedAllocator.install() else {
        print("the allocator's slots were not found")
        exit(3)
      }
      try input.withUnsafeBufferPointer { input in
        try logits.withUnsafeMutableBufferPointer { logits in
          try features.withUnsafeMutableBufferPointer { features in
            func run(_ index: Int) throws {
              try session.run(input, batch: batch, logits: logits, features: index % 2 == 0 ? features : nil)
            }
            try run(0)
            _ = mappedByteCount()
            let (calls, mapped) = (CountedAllocator.count.load(ordering: .relaxed), mappedByteCount())
            for index in 0..<runs {
              try run(index)
              if allocates { escaped = [Float](repeating: logits[0], count: 1 + index) }
            }
            let made = CountedAllocator.count.load(ordering: .relaxed) - calls
            let grown = mappedByteCount() - mapped
            print("\(session.plan.backend) \(session.threadCount) \(made) \(grown)")
          }
        }
      }
    }

    private static func timeOpening(_ path: String, threads: Int?, verifies: Bool) throws {
      MappingGuard.install()
      let start = MonotonicClock.nanoseconds()
      let model = try ModelFile.open(path)
      let session = try Session(
        model: model, options: SessionOptions(threads: threads, verifiesPackedWeights: verifies))
      let opened = MonotonicClock.nanoseconds()
      let input = [Float](repeating: 0.25, count: session.inputShape.reduce(1, *))
      let filled = MonotonicClock.nanoseconds()
      let output = try session.run(input)
      let end = MonotonicClock.nanoseconds()
      escaped = output.logits
      print("\(Double(opened - start) / 1e6) \(Double(end - filled) / 1e6)")
    }

    /// Exit status 42 is that of the handler that was there before the library's.
    private static func faults(_ path: String) throws {
      signal(SIGBUS) { _ in _exit(42) }
      MappingGuard.install()
      let bytes = try MappedFile.open(path)
      let other = open(path, O_RDWR)
      let count = 1 << 16
      guard let own = mmap(nil, count, PROT_READ, MAP_SHARED, other, 0), own != MAP_FAILED,
        bytes.storage.isFileMapping
      else { exit(3) }
      ftruncate(other, 4096)
      let isZero = bytes.withUnsafeBytes { $0[bytes.count - 1] == 0 && $0[8192] == 0 && $0[0] != 0 }
      var isRefused = false
      do { try bytes.requireUnchanged() } catch { isRefused = true }
      print("\(isZero) \(isRefused)")
      fflush(nil)
      escaped = [Float(own.load(fromByteOffset: 8192, as: UInt8.self))]
    }

    nonisolated(unsafe) private static var escaped: [Float] = []

    /// Bytes of all mappings of this process, read without allocating.
    private static func mappedByteCount() -> Int {
      let file = open("/proc/self/statm", O_RDONLY)
      guard file >= 0 else { return 0 }
      defer { close(file) }
      return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { text in
        let count = read(file, text.baseAddress, text.count)
        var pages = 0
        for byte in text.prefix(max(count, 0)) {
          guard (0x30...0x39).contains(byte) else { break }
          pages = pages * 10 + Int(byte - 0x30)
        }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
      }
    }

    private static func runRefused(_ path: String) throws {
      typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
      let setMDWE: Int32 = 65  // PR_SET_MDWE; 1: pages may not become executable
      guard let prctl = dlsym(nil, "prctl").map({ unsafeBitCast($0, to: Prctl.self) }),
        prctl(setMDWE, 1, 0, 0, 0) == 0
      else {
        print("this system cannot refuse executable memory")
        exit(3)
      }
      let report = try MachineReport.current()
      let session = try Session(model: try ModelFile.open(path))
      let output = try session.run([Float](repeating: 0.25, count: session.inputShape.reduce(1, *)))
      print(
        "\(session.plan.backend)|\(report.isa)|\(report.reason)|\(report.executableMemory)|"
          + "\(report.executableMemoryReason)|\(output.logits[0])")
      do {
        var options = SessionOptions()
        options.instructionSet = "avx2"
        _ = try Session(model: try ModelFile.open(path), options: options)
        print("avx2 runs")
      } catch RuntimeError.instructionSetUnavailable(let name, let missing) {
        print("\(name) lacks \(missing)")
      }
    }
  #endif
}
