#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How many CPUs this process may really use, and why.
package struct ProcessorAllowance: Hashable, Sendable {
  /// Threads to run on, at least 1.
  package var count: Int
  /// One line for `doctor`.
  package var reason: String

  /// CPUs of the affinity mask, held down by the CPU quota of the control groups, rounded down.
  package static func current() -> ProcessorAllowance {
    let affinity = affinityCount()
    return limit(
      affinity: affinity, online: Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      groups: SystemFile.text("/proc/self/cgroup") ?? "", read: SystemFile.text)
  }

  /// `current`, on figures and files given by the caller.
  package static func limit(
    affinity: Int, online: Int, groups: String, read: (String) -> String?
  ) -> ProcessorAllowance {
    let cpus = max(affinity, 1)
    let words = cpus < online ? "\(cpus) of \(online) CPUs by affinity" : "\(cpus) CPUs by affinity"
    guard let quota = quota(ControlGroup.paths(groups), read) else {
      return ProcessorAllowance(count: cpus, reason: words + ", no CPU quota")
    }
    let allowed = max(1, Int(quota))
    let tenths = Int((quota * 10).rounded())
    let text = "\(tenths / 10).\(tenths % 10)"
    return ProcessorAllowance(count: min(cpus, allowed), reason: words + ", quota of \(text) CPUs")
  }

  /// The lowest quota of the groups that hold the process, in CPUs; nil where none has one.
  private static func quota(_ groups: ControlGroup, _ read: (String) -> String?) -> Double? {
    var lowest: Double?
    for path in groups.candidates(controller: "cpu", unified: "cpu.max", legacy: "cpu.cfs_quota_us") {
      guard let text = read(path) else { continue }
      var fields = text.split { $0 == " " || $0 == "\n" }.map { Double($0) }
      if path.hasSuffix("cpu.cfs_quota_us") {
        let period = read(path.dropLast("quota_us".count) + "period_us") ?? "100000"
        fields.append(Double(period.prefix { $0.isNumber }))
      }
      guard fields.count >= 2, let time = fields[0], let period = fields[1], time > 0, period > 0 else {
        continue  // "max", or -1: no quota here
      }
      lowest = min(lowest ?? .infinity, time / period)
    }
    return lowest
  }

  private static func affinityCount() -> Int {
    // The mask of the thread may name CPUs that are not there; glibc's call for it is not visible from Swift.
    if let status = SystemFile.text("/proc/thread-self/status"), let allowed = allowedList(status) {
      let online = SystemFile.text("/sys/devices/system/cpu/online").map(cpuList)
      return online.map { allowed.intersection($0).count } ?? allowed.count
    }
    return Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  private static func allowedList(_ status: String) -> Set<Int>? {
    let key = "Cpus_allowed_list:"
    return status.split(separator: "\n").first { $0.hasPrefix(key) }.map {
      cpuList(String($0.dropFirst(key.count)))
    }
  }

  /// The numbers in a kernel list such as `0-3,8`.
  package static func cpuList(_ text: String) -> Set<Int> {
    var cpus = Set<Int>()
    for range in text.split(whereSeparator: { ", \t\n".contains($0) }) {
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let low = ends.first, let high = ends.last, low >= 0, high >= low, high < 1 << 16 else {
        continue
      }
      cpus.formUnion(low...high)
    }
    return cpus
  }
}
