import FixresAssembler
import FixresBase

/// What `doctor` says of the machine.
package struct MachineReport: Sendable {
  /// The instruction set whose kernels run, and why.
  package var isa: String
  package var reason: String
  /// What the processor offers, by name; `brand` is its own name for itself.
  package var features: [String]
  package var brand: String
  package var threads: Int
  package var threadReason: String
  /// Whether the system lets this process run code that it wrote, and its refusal where not.
  package var executableMemory: Bool
  package var executableMemoryReason: String
  /// Kinds of layers that the chosen kernels refuse here, so that portable kernels compute them, and why.
  package var refusals: [Refusal]

  /// A kind of layer without a kernel of its own.
  package struct Refusal: Hashable, Sendable {
    package var layer: String
    package var reason: String
  }

  /// Asks the machine; the peak is measured apart, since that takes a moment.
  package static func current() throws(RuntimeError) -> MachineReport {
    let choice = try InstructionSet.choose()
    let allowance = ProcessorAllowance.current()
    var report = MachineReport(
      isa: choice.backend.name, reason: choice.reason, features: [], brand: "", threads: allowance.count,
      threadReason: allowance.reason, executableMemory: false,
      executableMemoryReason: "this processor has no kernels to emit",
      refusals: KernelProbe.refusals(of: choice.backend))
    #if arch(x86_64)
      switch CPUFeatures.current {
      case .success(let cpu):
        report.features =
          ["sse2"] + CPUFeatures.Feature.allCases.filter(cpu.features.contains).map(\.rawValue)
        report.brand = cpu.brand
        report.executableMemory = true
        report.executableMemoryReason = "granted"
      case .failure(let error):
        report.features = ["sse2"]
        report.executableMemoryReason = "\(error.operation.rawValue) refused, errno \(error.code)"
      }
    #elseif arch(arm64)
      report.features = ["neon"]
    #endif
    return report
  }
}
