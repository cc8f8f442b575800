import FixresAssembler
import FixresBase
import FixresRuntime

extension Command {
  static let doctor = Command(
    "doctor", "show what this machine offers and what of it is used",
    example: "fixresc doctor",
    run: { invocation in
      let report = try MachineReport.current()
      let peak = peakRate(isa: report.isa)
      var table = Table([.left, .left])
      if !report.brand.isEmpty { table.add(["processor", report.brand]) }
      table.add(["kernels", "\(report.isa): \(report.reason)"])
      table.add(["features", report.features.joined(separator: " ")])
      table.add(["threads", "\(report.threads): \(report.threadReason)"])
      switch peak {
      case .success(let rate):
        table.add(["peak", "\(Text.fixed(rate, 1)) GFLOP/s on one core with \(report.isa), measured"])
      case .failure(let error):
        table.add(["peak", "not measured: \(KernelRefusal.executableMemory(error).reason)"])
      }
      table.add([
        "executable memory",
        report.executableMemory ? "granted" : "not available: \(report.executableMemoryReason)",
      ])
      table.add(["checksums", checksums])
      for refusal in report.refusals {
        table.add(["portable kernels for", "\(refusal.layer): \(refusal.reason)"])
      }
      invocation.console.lines(table.lines())
      var object = JSON.Object()
      object["isa"] = .string(report.isa)
      object["reason"] = .string(report.reason)
      object["features"] = JSON(report.features)
      object["threads"] = JSON(report.threads)
      object["thread_reason"] = .string(report.threadReason)
      object["peak_gflops"] = JSON((try? peak.get()) ?? 0)
      object["executable_memory"] = JSON(report.executableMemory)
      object["executable_memory_reason"] = .string(report.executableMemoryReason)
      object["processor"] = .string(report.brand)
      object["checksums"] = .string(checksums)
      object["refused_layers"] = .array(
        report.refusals.map { ["layer": .string($0.layer), "reason": .string($0.reason)] })
      return object
    })

  /// What model files are summed by.
  private static var checksums: String {
    switch HardwareChecksum.method {
    case .instruction: "by the processor's instruction"
    case .tablesWithoutInstruction: "by tables: the processor has no instruction for them"
    case .tablesWithoutMemory(let error): "by tables: \(KernelRefusal.executableMemory(error).reason)"
    }
  }

  /// The peak of one core in GFLOP/s, or why it cannot be measured.
  private static func peakRate(isa: String) -> Result<Double, ExecutableMemoryError> {
    Result { () throws(ExecutableMemoryError) in try PeakRate.measure(isa: isa) }
  }
}
