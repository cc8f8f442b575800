import FixresIR

/// A non-fatal diagnostic of a pass.
public enum PassNote: Hashable, Sendable {
  /// Sides below 32 leave the last maps a single pixel that sees mostly padding.
  case smallResolution(Extent)
  /// The network already was typed for the requested size.
  case alreadyAtResolution(Extent)
  /// A negative running variance that epsilon outweighs.
  case negativeVariance(tensor: String, count: Int)
  /// A constant that no pass folds holds values that are not finite.
  case nonFinite(tensor: String, count: Int)
  /// Batch norm had been folded before, so it can't be adapted to the new size any more.
  case batchNormAlreadyFolded
}

extension PassNote: CustomStringConvertible {
  /// One sentence for a person.
  public var description: String {
    switch self {
    case .smallResolution(let size):
      "a test resolution of \(size) is below 32: the last feature maps are single pixels"
    case .alreadyAtResolution(let size):
      "the model already is at \(size)"
    case .negativeVariance(let tensor, let count):
      "\(tensor) holds \(count) negative running variances; epsilon outweighs them"
    case .nonFinite(let tensor, let count):
      "\(tensor) holds \(count) values that are not finite"
    case .batchNormAlreadyFolded:
      "batch norm is folded already, so its statistics can no longer be adapted; adapt the model from before folding"
    }
  }
}
