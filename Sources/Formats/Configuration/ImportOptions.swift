import FixresIR

/// Facts about a checkpoint that the caller states; nil: not stated.
package struct ImportOptions: Hashable, Sendable {
  /// A network's name, which the weights must agree with; settles which convolution has the stride.
  package var architecture: String?
  /// The dotted path of the nested dictionary to read, or a prefix of names.
  package var key: String?
  /// Epsilon of every batch norm, in (0, 1).
  package var batchNormEpsilon: Double?
  /// Path of a second checkpoint, whose batch norms and classifier replace those of the first.
  package var finetuned: String?
  /// Path of a text file with one class name a line.
  package var labels: String?
  /// Size of the training images, in pixels.
  package var trainResolution: Extent?
  /// Mean of R, G and B, subtracted from values in [0, 1].
  package var mean: [Float]?
  /// Standard deviation of R, G and B, which divides after the mean is subtracted.
  package var standardDeviation: [Float]?

  /// Creates options that state nothing.
  package init() {}

  /// The stated options that only a checkpoint can use, by their names on the command line.
  var checkpointOnly: [String] {
    [
      architecture == nil ? nil : "--arch", key == nil ? nil : "--key",
      batchNormEpsilon == nil ? nil : "--bn-eps",
    ].compactMap { $0 }
  }

  /// Checks the ranges of all numbers.
  ///
  /// - Throws: `ArchitectureError.invalidOption`.
  func validate() throws(ArchitectureError) {
    if let epsilon = batchNormEpsilon, !(epsilon > 0 && epsilon < 1) {
      throw .invalidOption(name: "--bn-eps", expected: "a number between 0 and 1", found: "\(epsilon)")
    }
    if let size = trainResolution,
      !(1...32768).contains(size.height) || !(1...32768).contains(size.width)
    {
      throw .invalidOption(name: "--train-resolution", expected: "a side of 1 to 32768", found: "\(size)")
    }
    if let mean, mean.count != 3 || !mean.allSatisfy(\.isFinite) {
      throw .invalidOption(name: "--mean", expected: "three numbers", found: Self.list(mean))
    }
    if let std = standardDeviation, std.count != 3 || !std.allSatisfy({ $0.isFinite && $0 > 0 }) {
      throw .invalidOption(name: "--std", expected: "three positive numbers", found: Self.list(std))
    }
  }

  private static func list(_ numbers: [Float]) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }
}
