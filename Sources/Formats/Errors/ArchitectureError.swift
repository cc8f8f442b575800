/// Why named weights, or what was said about them, do not make a network.
public enum ArchitectureError: Error, Hashable, Sendable {
  /// No name of the file belongs to a ResNet; `found` holds the first few.
  case notAResNet(found: [String], tensorCount: Int)
  case missingTensor(name: String, expected: ShapePattern)
  case misshapenTensor(name: String, expected: ShapePattern, found: [Int])
  /// A tensor inside the network that none of the supported variants has.
  case unexpectedTensor(name: String, found: [Int])
  /// Two names of one file that mean the same parameter.
  case duplicateTensor(name: String, other: String)
  /// A known variant that is not compiled, and what gives it away.
  case unsupported(feature: String, evidence: String)
  /// `--arch` or config.json says one thing and the weights another.
  case mismatch(what: String, requested: String, found: String, source: String)
  /// A name that is not read; `known` holds examples of those that are.
  case unknownArchitecture(name: String, known: [String])
  /// A value of a configuration file that cannot be used.
  case invalidConfiguration(path: String, key: String, expected: String, found: String)
  case invalidOption(name: String, expected: String, found: String)
  case notFinite(name: String, index: Int, value: String)
  /// A running variance that, with epsilon added, has no square root.
  case negativeVariance(name: String, index: Int, value: Float)
  /// A label file whose lines are not one a class.
  case labelCount(path: String, expected: Int, found: Int)
  /// A fine-tuned file without a single batch norm or classifier.
  case nothingToOverlay(path: String, found: [String])
}
