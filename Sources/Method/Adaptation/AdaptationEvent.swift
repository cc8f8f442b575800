import FixresIR
import FixresPasses
import FixresRuntime

/// What an adaptation reports while it runs, in this order.
package enum AdaptationEvent {
  case pass(PassEvent)
  /// A network is run over pictures; `phase` says what for.
  case pictures(phase: String, done: Int, total: Int)
  case renewedBatchNorms(BatchNormAdaptation.Outcome)
  case equalised(Equalisation)
  case usedTestPool(train: Extent)
  case note(PassNote)
  /// All passes are done, and the result fits in memory.
  case rewritten(AdaptedModel)
  case proved(Proof)
  case provedHead(Proof)
  case tuning(done: Int, total: Int)
  /// nil: the kernels of this machine leave nothing to choose.
  case tuned(Tuner.Outcome?)
  /// nil: the kernels of this machine have no packed form that a file stores.
  case packed(PackedSummary?)
  /// Packed tensors of the input that no longer fit and were dropped.
  case droppedPacked(count: Int)
}
