import FixresIR

/// What the caller says of a checkpoint beyond what its file does.
package struct ImportOptions: Hashable, Sendable {
  /// A network's name, which the weights must agree with; settles where stride 2 sits.
  package var architecture: String?
  /// The nested dictionary to read, by its dotted path.
  package var key: String?
  package var batchNormEpsilon: Double?
  /// A second checkpoint whose batch norms and classifier replace those of the first.
  package var finetuned: String?
  /// A text file of class names.
  package var labels: String?
  package var trainResolution: Extent?
  package var mean: [Float]?
  package var standardDeviation: [Float]?

  package init() {}

  /// Options that only a checkpoint can use, by their names on the command line.
  var checkpointOnly: [String] {
    [
      architecture == nil ? nil : "--arch", key == nil ? nil : "--key",
      batchNormEpsilon == nil ? nil : "--bn-eps",
    ].compactMap { $0 }
  }

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
