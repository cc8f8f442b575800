import FixresBase
import FixresImaging

/// Why a reference, an input with the outputs that another program gave for it, can't be used or does not fit.
public enum ReferenceFault: Error, Hashable, Sendable {
  /// A file of the pair can't be opened or read.
  case file(FileError)
  /// The input or the outputs are a malformed `.npy` file.
  case npy(path: String, NpyError)
  /// The outputs are malformed JSON.
  case json(path: String, JSONError)
  /// The input is a picture that can't be decoded.
  case picture(path: String, ImageError)
  /// The input tensor is neither `[N, C, H, W]` nor `[C, H, W]`.
  case inputShape(path: String, found: [Int])
  /// The input tensor has its channels last.
  case channelsLast(path: String, found: [Int])
  /// The network reads another number of channels.
  case channels(path: String, expected: Int, found: Int)
  /// The outputs are neither `.npy` nor a list of numbers in JSON.
  case outputs(path: String)
  /// The outputs are not rows of equal length for the inputs.
  case outputShape(path: String, inputs: Int, found: [Int])
  /// The network gives another number of outputs.
  case classes(path: String, expected: Int, found: Int)
  /// A number of the input or the outputs is infinite or not a number.
  case notFinite(path: String)
  /// The outputs could come from anything: all zero, or probabilities of 0 and 1 alone.
  case uninformative(path: String)
  /// Input and outputs do not fit in memory.
  case tooLarge(path: String, shape: [Int])
  /// No combination of the open facts gives the outputs.
  case misfit(ReferenceMisfit)
  /// Combinations that compute different things all give the outputs; each is its facts as text.
  case ambiguous(name: String, fits: [String])
}

/// The nearest that a search came to the outputs of a reference.
public struct ReferenceMisfit: Hashable, Sendable {
  /// The best of a fact's values, the others as they are in the nearest combination.
  public struct FactDistance: Hashable, Sendable {
    /// The fact, such as `activation`.
    public let name: String
    /// Its values with the difference that each gives, the nearest first.
    public let values: [Value]

    /// A value of a fact.
    public struct Value: Hashable, Sendable {
      /// The value, such as `silu`.
      public let value: String
      /// The difference, as a share of the largest output.
      public let difference: Double
    }
  }

  /// The reference's name.
  public var name: String
  /// The combination that came nearest; empty where no fact was open.
  public var nearest: String
  /// Its difference, as a share of the largest output.
  public var difference: Double
  /// The greatest difference that passes as rounding.
  public var tolerance: Double
  /// Number of combinations that were run.
  public var tried: Int
  /// Whether combinations were left untried.
  public var isCutShort: Bool
  /// The open facts, each on its own.
  public var facts: [FactDistance]
  /// How the outputs were stored, where that loses precision, such as `float16`.
  public var storage: String?

  /// A misfit of a model none of whose facts is open; a search fills in the rest.
  package init(name: String, difference: Double, tolerance: Double) {
    (self.name, self.difference, self.tolerance) = (name, difference, tolerance)
    (nearest, tried, isCutShort, facts, storage) = ("", 1, false, [], nil)
  }
}
