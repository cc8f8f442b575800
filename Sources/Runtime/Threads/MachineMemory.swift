#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory that this process may still take.
package enum MachineMemory {
  /// Bytes: what the system calls available, and no more than the process's control group allows.
  package static func availableByteCount() -> Int {
    let physical =
      Int(clamping: sysconf(Int32(_SC_PHYS_PAGES))) &* Int(clamping: sysconf(Int32(_SC_PAGESIZE)))
    var available = physical > 0 ? physical : Int.max
    if let free = SystemFile.text("/proc/meminfo").flatMap({ memoryAvailable($0) }) {
      available = min(available, free)
    }
    let groups = ControlGroup.paths(SystemFile.text("/proc/self/cgroup") ?? "")
    for path in groups.candidates(
      controller: "memory", unified: "memory.max", legacy: "memory.limit_in_bytes")
    {
      guard let text = SystemFile.text(path), let limit = Int(text.prefix { $0.isNumber }) else { continue }
      available = min(available, limit)
    }
    return available
  }

  /// The most bytes that were resident in this process at a time; 0 where the system does not tell.
  package static func peakResidentByteCount() -> Int {
    // On Linux `ru_maxrss` starts from what the process was copied from, a large parent's memory too.
    if let status = SystemFile.text("/proc/self/status"), let peak = byteCount("VmHWM", in: status) {
      return peak
    }
    var usage = rusage()
    #if canImport(Darwin)
      let unit = 1
    #else
      let unit = 1024
    #endif
    // RUSAGE_SELF is 0 everywhere, but glibc imports it as an enum that its own function does not take.
    return getrusage(0, &usage) == 0 ? Int(usage.ru_maxrss) * unit : 0
  }

  /// `MemAvailable` of `/proc/meminfo`, in bytes.
  package static func memoryAvailable(_ text: String) -> Int? { byteCount("MemAvailable", in: text) }

  /// The line `name: N kB` of a table of the system, in bytes.
  private static func byteCount(_ name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
      return line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }
}

/// Small text files of the system, whose size is not known before they are read.
enum SystemFile {
  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      guard got > 0 else { break }
      count += got
    }
    return String(decoding: bytes[0..<count], as: UTF8.self)
  }
}

/// The control groups of this process, from `/proc/self/cgroup`.
struct ControlGroup {
  /// Path of the unified hierarchy (version 2), and of each controller of version 1.
  var unified: String?
  var legacy: [String: String] = [:]

  static func paths(_ text: String) -> ControlGroup {
    var groups = ControlGroup()
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].isEmpty {
        groups.unified = String(fields[2])
      } else {
        for controller in fields[1].split(separator: ",") {
          groups.legacy[String(controller)] = String(fields[2])
        }
      }
    }
    return groups
  }

  /// Files that may hold a limit: the group's own and those of every group above it.
  func candidates(controller: String, unified file: String, legacy legacyFile: String) -> [String] {
    var files: [String] = []
    if let unified { files += Self.upwards("/sys/fs/cgroup", unified, file) }
    if let path = legacy[controller] {
      files += Self.upwards("/sys/fs/cgroup/" + controller, path, legacyFile)
    }
    return files
  }

  private static func upwards(_ mount: String, _ path: String, _ file: String) -> [String] {
    var parts = path.split(separator: "/")
    var files: [String] = []
    while true {
      files.append(mount + parts.map { "/" + $0 }.joined() + "/" + file)
      guard parts.popLast() != nil else { return files }
    }
  }
}
