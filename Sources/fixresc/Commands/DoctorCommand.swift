import FixresBase
import FixresRuntime

extension Command {
  static let doctor = Command(
    "doctor", "show what this machine offers and what of it is used",
    example: "fixresc doctor",
    run: { invocation in
      let report = try MachineReport.current()
      let peak = PeakRate.measure(isa: report.isa)
      var table = Table([.left, .left])
      if !report.brand.isEmpty { table.add(["processor", report.brand]) }
      table.add(["kernels", "\(report.isa): \(report.reason)"])
      table.add(["features", report.features.joined(separator: " ")])
      table.add(["threads", "\(report.threads): \(report.threadReason)"])
      table.add(["peak", "\(Text.fixed(peak, 1)) GFLOP/s on one core with \(report.isa), measured"])
      table.add([
        "executable memory",
        report.executableMemory ? "granted" : "not available: \(report.executableMemoryReason)",
      ])
      invocation.console.lines(table.lines())
      var object = JSON.Object()
      object["isa"] = .string(report.isa)
      object["reason"] = .string(report.reason)
      object["features"] = JSON(report.features)
      object["threads"] = JSON(report.threads)
      object["thread_reason"] = .string(report.threadReason)
      object["peak_gflops"] = JSON(peak)
      object["executable_memory"] = JSON(report.executableMemory)
      object["executable_memory_reason"] = .string(report.executableMemoryReason)
      object["processor"] = .string(report.brand)
      return object
    })
}
