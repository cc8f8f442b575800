/// Why the state of an interrupted fine-tuning can't be resumed.
public enum TrainingStateFault: Error, Hashable, Sendable {
  /// The file is not the state of a fine-tuning.
  case notAState
  /// The file was written by a later version of fixresc.
  case newerVersion(found: UInt32, known: UInt32)
  /// The file is truncated or altered; the offset counts bytes from its start.
  case damaged(at: Int)
  /// The training that left the state was started with other settings.
  case otherTraining(setting: String, state: String, now: String)
}
