/// Which of several ways, all to the same bits, computes each convolution fastest: measured on one processor for one
/// instruction set, and passed over on any other.
public struct Tuning: Hashable, Sendable {
  public struct Choice: Hashable, Sendable {
    /// The value that the convolution makes.
    public var layer: String
    /// What the runtime calls this way of computing it, such as `direct 1x6x4 pixels`.
    public var kernel: String

    public init(layer: String, kernel: String) {
      (self.layer, self.kernel) = (layer, kernel)
    }
  }

  /// Vendor, family, model, stepping, caches and features of the processor that was measured.
  public var processor: String
  /// The instruction set whose kernels were measured: `avx2`, `avx512`.
  public var instructionSet: String
  public var choices: [Choice]

  public init(processor: String, instructionSet: String, choices: [Choice]) {
    (self.processor, self.instructionSet, self.choices) = (processor, instructionSet, choices)
  }
}
