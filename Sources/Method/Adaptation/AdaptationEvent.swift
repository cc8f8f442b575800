import FixresIR
import FixresPasses
import FixresRuntime

/// What an adaptation reports while it runs, in this order.
package enum AdaptationEvent {
  /// A pass begins, ends or has run.
  case pass(PassEvent)
  /// A network is run over pictures, or a proof over billions of multiply-adds; `phase` says what for.
  case pictures(phase: String, done: Int, total: Int)
  /// Batch-norm statistics have been recomputed.
  case renewedBatchNorms(BatchNormAdaptation.Outcome)
  /// The pooled features have been mapped onto their law at the training resolution.
  case equalised(Equalisation)
  /// The head classifies windows of the map at `train`.
  case usedTestPool(train: Extent)
  /// A diagnostic of a pass.
  case note(PassNote)
  /// All passes are done, and the result fits in memory.
  case rewritten(AdaptedModel)
  /// The rewritten model agrees with the unfolded one.
  case proved(Proof)
  /// The rewritten head agrees with the original one at the original resolution.
  case provedHead(Proof)
  /// The adapted model agrees with the unfolded one at a resolution that neither was made for.
  case provedElsewhere(Proof)
  /// Kernel choices are being measured: `done` of `total` plans.
  case tuning(done: Int, total: Int)
  /// nil: the kernels of this machine leave nothing to choose.
  case tuned(Tuner.Outcome?)
  /// nil: the kernels of this machine have no packed form that a file stores.
  case packed(PackedSummary?)
  /// Packed tensors of the input that no longer fit and were dropped.
  case droppedPacked(count: Int)
}
