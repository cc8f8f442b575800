#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A worker process and what its parent knows of it.
struct Child {
  /// How a worker ended before its last case.
  enum Failure: Hashable, CustomStringConvertible {
    case signal(Int32)
    case hang
    case wrong
    case memory
    case status(Int32)

    var description: String {
      switch self {
      case .signal(let number): "signal \(number) (\(String(cString: strsignal(number))))"
      case .hang: "hang"
      case .wrong: "wrong"
      case .memory: "memory"
      case .status(let status): "exit \(status)"
      }
    }
  }

  /// Processor time of a case at which it counts as hung, and the longest wait for one that takes none.
  static let hangNanoseconds = Worker.isUnlimited ? 10_000_000_000 : 1_000_000_000
  static let stallNanoseconds = 60_000_000_000

  let page: SharedPage
  private let errors: String
  private(set) var pid: pid_t = 0
  /// Processor time of a child that has ended, its start included.
  private(set) var usedNanoseconds = 0
  private var seen = -2
  private var seenProcessorTime = 0
  private var seenTime = 0

  /// A child whose page and messages lie in `folder`.
  init?(folder: String, name: String) {
    guard let page = SharedPage(path: folder + "/\(name).page") else { return nil }
    self.page = page
    pagePath = folder + "/\(name).page"
    errors = folder + "/\(name).errors"
  }

  private let pagePath: String

  /// Starts this program as a worker with `words`.
  mutating func start(_ words: [String], showsBacktrace: Bool = false) -> Bool {
    page.reset()
    seen = -2
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    if !showsBacktrace {
      posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    var environment = ["SWIFT_DETERMINISTIC_HASHING=1"]
    if !showsBacktrace { environment.append("SWIFT_BACKTRACE=enable=no") }
    var entry = environ
    while let text = entry.pointee {
      let line = String(cString: text)
      if !line.hasPrefix("SWIFT_BACKTRACE=") { environment.append(line) }
      entry += 1
    }
    let all = ["fixresc-fuzz", "worker", pagePath] + words
    var arguments: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { for text in arguments + variables { free(text) } }
    return posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, &variables) == 0
  }

  /// Looks at the child once: nil while it runs well.
  mutating func poll() -> Result<Void, EndError>? {
    var status: Int32 = 0
    var usage = rusage()
    if wait4(pid, &status, WNOHANG, &usage) == pid {
      usedNanoseconds = Self.nanoseconds(usage.ru_utime) + Self.nanoseconds(usage.ru_stime)
      let (signal, code) = (status & 0x7F, status >> 8 & 0xFF)
      if signal != 0 { return .failure(EndError(failure: .signal(signal))) }
      switch code {
      case 0: return .success(())
      case Worker.wrongStatus: return .failure(EndError(failure: .wrong))
      case Worker.memoryStatus: return .failure(EndError(failure: .memory))
      default: return .failure(EndError(failure: .status(code)))
      }
    }
    let current = page.current
    let (processor, now) = (processorTime(), Self.now())
    if current != seen {
      (seen, seenProcessorTime, seenTime) = (current, processor, now)
    } else if current >= 0,
      processor - seenProcessorTime > Self.hangNanoseconds || now - seenTime > Self.stallNanoseconds
    {
      usedNanoseconds = processor
      stop()
      return .failure(EndError(failure: .hang))
    }
    return nil
  }

  struct EndError: Error { let failure: Failure }

  private static func nanoseconds(_ time: timeval) -> Int {
    time.tv_sec * 1_000_000_000 + time.tv_usec * 1000
  }

  /// Ends the child.
  func stop() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  /// The last line that says why the child ended.
  var reason: String {
    guard page.message.isEmpty else { return page.message }
    guard let file = fopen(errors, "r") else { return "" }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = fread(&buffer, 1, buffer.count, file)
    let text = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let lines = text.split(separator: "\n").filter { !$0.isEmpty }
    return String(lines.first { $0.contains("rror") } ?? lines.first ?? "")
  }

  private func processorTime() -> Int {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }

  static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
