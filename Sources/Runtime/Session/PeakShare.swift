/// What a plan's kernels really multiply, beside what the definition of a convolution does.
package enum PeakShare {
  /// The share of the multiply-adds of a convolution's definition that the kernel called `kernel` performs, 0...1:
  /// minimal-filtering schemes need fewer products.
  package static func performed(by kernel: String) -> Double {
    let schemes: [WinogradScheme] = [.f2, .f4, .polyphase2]
    guard let scheme = schemes.first(where: { kernel.hasPrefix($0.rawValue) }) else { return 1 }
    return Double(scheme.components) / Double(9 * scheme.outputSide * scheme.outputSide)
  }

  /// Multiply-adds that a run of one image performs with `plan`.
  package static func performedMacs(_ plan: ExecutionPlan) -> Double {
    plan.steps.reduce(0) { $0 + Double($1.macs) * performed(by: $1.kernel) }
  }
}
