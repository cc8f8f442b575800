#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the process takes of the system.
enum MemoryUse {
  /// Resident bytes; 0 where the system does not say.
  static func resident() -> Int { number("VmRSS:") << 10 }

  /// Threads of the process; 0 where the system does not say.
  static func threads() -> Int { number("Threads:") }

  /// The number behind `key` in the process's status.
  private static func number(_ key: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix(key) else { continue }
      return text.split { $0 == " " || $0 == "\t" || $0 == "\n" }.dropFirst().first.flatMap { Int($0) } ?? 0
    }
    return 0
  }

  /// A second.
  static func pause() { usleep(1_000_000) }

  static func remove(_ path: String) { unlink(path) }
}
