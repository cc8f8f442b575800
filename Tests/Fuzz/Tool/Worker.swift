import FixresBase
import FixresFuzz

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The process that reads cases; it says in a shared page which one it is at, so that its end tells which one ended it.
struct Worker {
  /// Exit statuses by which a worker says what it found.
  static let wrongStatus: Int32 = 3
  static let memoryStatus: Int32 = 4

  /// Resident memory that a case may take beside its own bytes.
  static let memoryLimit = 64 << 20
  /// Address space of a worker: a case that asks for more has asked for what its bytes cannot justify.
  static let addressSpaceLimit = 3 << 30

  /// Whether cases may take any memory and ten times the time, as under a sanitizer.
  static let isUnlimited = getenv("FIXRESC_FUZZ_UNLIMITED") != nil

  let page: SharedPage
  private let read: (Bytes) -> FuzzFormat.Verdict
  private let alignment: Int
  private let input = GuardedInput()
  private var basePeak = 0

  init(page: SharedPage, format: FuzzFormat) {
    self.page = page
    read = Planted.wrap(format).read
    alignment = format.alignment
  }

  /// Limits of the process, no file written where `writesNothing`; none of address space under a sanitizer, which needs terabytes of it.
  static func limit(writesNothing: Bool, limitsAddressSpace: Bool) {
    if !isUnlimited, limitsAddressSpace { set(Int32(RLIMIT_AS.rawValue), addressSpaceLimit) }
    set(Int32(RLIMIT_CORE.rawValue), 0)
    // No case writes a file; the shared page is memory.
    if writesNothing {
      signal(SIGXFSZ, SIG_IGN)
      set(Int32(RLIMIT_FSIZE.rawValue), 0)
    }
    // A server's threads have small stacks.
    if !isUnlimited { set(Int32(RLIMIT_STACK.rawValue), 1 << 20) }
  }

  /// Small pages alone for this process: sessions live for one run, and zeroing a page of 2 MB for each takes longer.
  static func refuseLargePages() {
    #if canImport(Glibc)
      typealias Control =
        @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
      // PR_SET_THP_DISABLE of prctl.h; the call is variadic, which Swift does not import.
      let disable: CInt = 41
      guard let control = dlsym(nil, "prctl") else { return }
      _ = unsafeBitCast(control, to: Control.self)(disable, 1, 0, 0, 0)
    #endif
  }

  private static func set(_ resource: Int32, _ value: Int) {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = min(rlim_t(value), limit.rlim_max)
    setrlimit(resource, &limit)
  }

  /// Reads the cases `numbers` that `make` gives; ends the process at one that is wrong.
  mutating func run(_ numbers: Range<Int>, _ make: (Int) -> [UInt8]) {
    basePeak = Self.peakKilobytes()
    let start = Self.processorTime()
    for number in numbers {
      page.current = number
      check(make(number))
    }
    page.nanoseconds = Self.processorTime() - start
    page.peakKilobytes = Self.peakKilobytes() - basePeak
    page.current = numbers.upperBound
  }

  private func check(_ file: [UInt8]) {
    let verdict = read(input.bytes(of: file, alignment: alignment))
    switch verdict {
    case .accepted: page.accepted += 1
    case .refused: break
    case .wrong(let text):
      page.message = text
      exit(Self.wrongStatus)
    }
    let kilobytes = Self.peakKilobytes() - basePeak
    if !Self.isUnlimited, kilobytes << 10 > file.count + Self.memoryLimit {
      page.message = "\(kilobytes >> 10) MB of memory for \(file.count) bytes"
      exit(Self.memoryStatus)
    }
  }

  private static func peakKilobytes() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss
  }

  private static func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
