import FixresBase
import FixresIR

extension Tuning {
  /// Whether it was measured with the kernels that `backend` has, on the processor that it runs on.
  package func holds(for backend: any Backend) -> Bool {
    !backend.processor.isEmpty && processor == backend.processor && instructionSet == backend.name
  }

  var kernelByLayer: [UTF8Key: String] {
    Dictionary(choices.map { (UTF8Key($0.layer), $0.kernel) }) { first, _ in first }
  }
}

extension Model {
  /// What was measured on this machine with `backend`'s kernels.
  package func tuning(for backend: any Backend) -> Tuning? {
    tunings.first { $0.holds(for: backend) }
  }
}
