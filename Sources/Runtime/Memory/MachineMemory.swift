import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory that this process may still take.
package enum MachineMemory {
  /// Bytes: what the system calls available, and no more than the process's control group and limits allow.
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
    return min(available, AddressSpace.available())
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
