/// What a fine-tuning tells while it runs.
package enum FineTuningEvent: Sendable {
  /// A pass of the network over pictures.
  case pictures(phase: String, done: Int, total: Int)
  case epoch(EpochRecord, number: Int, of: Int)
  case resumed(epoch: Int)
  case extracted(PictureRun.Summary)
}
