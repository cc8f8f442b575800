/// Why named weights, or facts stated about them, give no supported network.
public enum ArchitectureError: Error, Hashable, Sendable {
  /// No name belongs to a ResNet; `found` holds the first few of `tensorCount`.
  case notAResNet(found: [String], tensorCount: Int)
  /// A tensor that the network needs is missing.
  case missingTensor(name: String, expected: ShapePattern)
  /// A tensor has another shape than the layers before it imply.
  case misshapenTensor(name: String, expected: ShapePattern, found: [Int])
  /// A tensor under one of the network's modules that no supported variant has.
  ///
  /// `ignore` holds the patterns that would leave out this and all others like it.
  case unexpectedTensor(name: String, found: [Int], ignore: [String])
  /// Two names of one file mean the same parameter.
  case duplicateTensor(name: String, other: String)
  /// A variant that is recognised and not supported; `evidence` is the name or field that shows it.
  case unsupported(feature: String, evidence: String)
  /// `source` (`--arch`, or the path of a config.json) contradicts the weights.
  case mismatch(what: String, requested: String, found: String, source: String)
  /// A network's name that is not recognised; `known` holds examples of those that are.
  case unknownArchitecture(name: String, known: [String])
  /// A field of a configuration or label file with an invalid value.
  case invalidConfiguration(path: String, key: String, expected: String, found: String)
  /// An option with an invalid value, or one that does not apply to the kind of file.
  case invalidOption(name: String, expected: String, found: String)
  /// A fact that networks do not have; `known` lists those they have.
  case unknownFact(name: String, known: [String])
  /// A value that a fact cannot have; `forms` lists those it can.
  case invalidFact(name: String, value: String, forms: [String])
  /// A weight that is NaN or infinite; `index` counts row-major elements.
  case notFinite(name: String, index: Int, value: String)
  /// A running variance that is negative beyond rounding, or not positive once epsilon is added.
  case negativeVariance(name: String, index: Int, value: Float)
  /// A label file that does not have one line a class.
  case labelCount(path: String, expected: Int, found: Int)
  /// A fine-tuned file without a batch norm or a classifier.
  case nothingToOverlay(path: String, found: [String])
}
