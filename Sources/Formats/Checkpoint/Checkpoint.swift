import FixresBase

/// The named tensors of a file, whatever container they came in.
package struct Checkpoint: Sendable {
  package enum Source: String, Hashable, Sendable {
    case torchZip, torchLegacy, safetensors, shardedSafetensors, shardedTorch
  }

  package var source: Source
  /// Which dictionary and prefix were taken, such as `state_dict, module.`; nil where the root was.
  package var wrapper: String?
  /// In the file's order, named without wrapper and prefix.
  package var tensors: [CheckpointTensor]
  /// Values that stand where a tensor could but cannot be read as one, by name.
  package var unreadable: [String: UnreadableReason]
  /// Names of entries that are no tensors, or lie outside the dictionary taken.
  package var ignored: [String]
  /// Small facts beside the weights: safetensors' `__metadata__`, `epoch`, `arch`, `args.input_size`.
  package var metadata: [String: String]
  /// What was converted, such as `float64 weights rounded to float32`.
  package var notes: [String]
  /// Elements of all views that repeat their storage's; see `add`.
  var expandedElementCount = 0

  /// The most tensors a dictionary may hold.
  package static let maximumTensorCount = 1 << 16
}
