/// One fact of a network, of its outputs or of its pictures: what it is, who says so, and how to state another value.
public struct Fact: Hashable, Sendable {
  /// Who states a fact, strongest first.
  public enum Source: String, Hashable, Sendable, CaseIterable {
    /// An option of the caller.
    case option
    /// The file holds the whole computation (ONNX).
    case program
    /// A configuration file beside the weights.
    case configuration
    /// Arguments that a training script stored in the checkpoint, such as `arch`.
    case checkpoint
    /// Names and shapes of tensors: another value would have left another file.
    case weights
    /// An example of input and output that only this value fits.
    case reference
    /// The custom of the libraries that use these names; another value may leave the same file.
    case family
    /// The usual value; another may leave the same file.
    case `default`
  }

  /// Name, such as `activation`.
  public var name: String
  /// Value as text, such as `relu` or `1,2,2,2`.
  public var value: String
  /// Who states the value.
  public var source: Source
  /// The option that states another value, such as `--network activation=VALUE`; nil where none does.
  public var option: String?

  /// A fact of the given parts.
  public init(_ name: String, _ value: String, from source: Source, option: String? = nil) {
    self.name = name
    self.value = value
    self.source = source
    self.option = option
  }

  /// True where nothing in the file and nobody states the value, and another one would leave the same file.
  public var isAssumption: Bool { source == .family || source == .default }
}

/// What the numbers of a network's last layer mean.
public enum OutputMeaning: String, Hashable, Sendable, CaseIterable {
  /// Scores; probabilities are their softmax, or the sigmoid of a single one.
  case logits
  /// Probabilities of classes that exclude each other.
  case softmax
  /// Scores whose probabilities are the sigmoid of each: classes that may hold together.
  case sigmoid
}
