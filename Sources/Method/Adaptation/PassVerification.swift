import FixresIR

/// Evidence that one pass kept what the network computes: its outputs before and after, by the reference interpreter.
public struct PassVerification: Hashable, Sendable {
  /// Greatest difference of an output that passes as rounding, as a share of the largest; folding batch norms into weights
  /// causes about a millionth of it.
  public static let tolerance: Float = 1e-4

  /// The pass's name.
  public let pass: String
  /// The resolution at which both networks were run.
  public let resolution: Extent
  /// How far the outputs after the pass are from those before it.
  public let deviation: Deviation
  /// The first value of one name and shape that departs by more than the tolerance; nil where none does.
  public let firstDeparture: String?

  /// The greatest difference of an output that passes as rounding.
  public var limit: Float { Self.tolerance * deviation.magnitude }
  /// Whether the outputs agree up to rounding.
  public var holds: Bool { deviation.difference <= limit }
}
