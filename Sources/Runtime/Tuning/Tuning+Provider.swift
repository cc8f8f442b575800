import FixresBase
import FixresIR

extension Tuning {
  /// Whether it was measured with the kernels that `provider` has, on the processor that it runs on.
  package func holds(for provider: any KernelProvider) -> Bool {
    !provider.processor.isEmpty && processor == provider.processor && instructionSet == provider.name
  }

  var kernelByLayer: [UTF8Key: String] {
    Dictionary(choices.map { (UTF8Key($0.layer), $0.kernel) }) { first, _ in first }
  }
}

extension Model {
  /// What was measured on this machine with `provider`'s kernels.
  package func tuning(for provider: any KernelProvider) -> Tuning? {
    tunings.first { $0.holds(for: provider) }
  }
}
