/// The fastest measured kernel of each convolution among kernels that give the same bits, for one processor and
/// instruction set; ignored on any other.
public struct Tuning: Hashable, Sendable {
  /// The kernel of a layer.
  public struct Choice: Hashable, Sendable {
    /// Name of the convolution's result.
    public var layer: String
    /// The runtime's name of the kernel, such as `direct 1x6x4 pixels`.
    public var kernel: String

    /// `kernel` for the convolution that computes `layer`.
    public init(layer: String, kernel: String) {
      (self.layer, self.kernel) = (layer, kernel)
    }
  }

  /// Vendor, family, model, stepping, caches and features of the processor that was measured.
  public var processor: String
  /// The instruction set whose kernels were measured: `avx2`, `avx512`.
  public var instructionSet: String
  /// The choices, an entry for each tuned convolution.
  public var choices: [Choice]

  /// Choices measured on `processor` with `instructionSet`.
  public init(processor: String, instructionSet: String, choices: [Choice]) {
    (self.processor, self.instructionSet, self.choices) = (processor, instructionSet, choices)
  }
}
