/// What a fine-tuning reports while it runs.
package enum FineTuningEvent: Sendable {
  /// A pass of the network over pictures.
  case pictures(phase: String, done: Int, total: Int)
  /// Epoch `number` of `of` is done.
  case epoch(EpochRecord, number: Int, of: Int)
  /// The training continues after `epoch`, from a stored state.
  case resumed(epoch: Int)
  /// The features or maps of all training pictures have been computed.
  case extracted(PictureRun.Summary)
}
