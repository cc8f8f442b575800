import FixresIR
import FixresPasses
import FixresRuntime

/// An adapted model and the record of what was done to make it.
public struct AdaptedModel: Sendable {
  /// The adapted model.
  public var model: Model
  /// What each pass did, in order.
  public let passes: [PassReport]
  /// Multiply-accumulates for one image, before at the old resolution and after at the new one.
  public let macsBefore, macsAfter: Int
  /// Diagnostics of the passes, none of them fatal.
  public let notes: [PassNote]
  /// The adapted model against the unfolded one at the same resolution; nil without proof.
  public var proof: Proof?
  /// The network with its rewritten head against the original at the original resolution; nil where no fixed pool became
  /// a global one, or without proof.
  public var headProof: Proof?
  /// The adapted model against the unfolded one at a third resolution; nil where the network allows none, or without proof.
  public var otherProof: Proof?
  /// What each pass that changed the network changed of its outputs; empty unless passes are verified.
  public var verifications: [PassVerification] = []
  /// Passes whose networks are too large to be verified.
  public var unverifiedPasses: [String] = []
  /// What the adaptations of statistics and features found.
  package let features: FeatureAdaptations
  /// What tuning found; nil where the model was not tuned.
  package var tuning: Tuner.Outcome?
  /// What was packed; nil where nothing was.
  package var packing: PackedSummary?

  init(_ result: AdaptResult, features: FeatureAdaptations) {
    model = result.model
    passes = result.passes
    (macsBefore, macsAfter) = (result.macsBefore, result.macsAfter)
    notes = result.notes
    self.features = features
  }
}

/// What the adaptations of statistics and features found; nil for those that were not asked for.
package struct FeatureAdaptations: Sendable {
  /// What recomputing the batch-norm statistics changed.
  package var batchNorms: BatchNormAdaptation.Outcome?
  /// The laws that were fitted, and the map between them.
  package var equalisation: Equalisation?
  /// The training resolution whose map test-pool keeps.
  package var testPool: Extent?
}

/// Weights that were stored as one machine's kernels read them.
package struct PackedSummary: Hashable, Sendable {
  /// The kernels' instruction set, such as `avx2`.
  package let instructionSet: String
  /// Number of packed tensors.
  package let tensorCount: Int
  /// Bytes of all packed tensors.
  package let byteCount: Int
}
