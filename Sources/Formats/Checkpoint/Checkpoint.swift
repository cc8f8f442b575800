import FixresBase

/// The named tensors of a checkpoint, independent of its container.
package struct Checkpoint: Sendable {
  /// The container.
  package enum Source: String, Hashable, Sendable {
    case torchZip, torchLegacy, safetensors, shardedSafetensors, shardedTorch
  }

  /// The container.
  package var source: Source
  /// The dictionary and the prefix of names that hold the tensors, such as `state_dict, module.`; nil for the
  /// root.
  package var wrapper: String?
  /// The tensors in the file's order, their names without the prefix.
  package var tensors: [CheckpointTensor]
  /// Entries that may be weights and cannot be read as tensors, by name.
  package var unreadable: [String: UnreadableReason]
  /// Names of entries that are not tensors, or are outside the chosen dictionary or prefix.
  package var ignored: [String]
  /// Scalars stored with the weights: safetensors' `__metadata__`, `epoch`, `arch`, `args.input_size`.
  package var metadata: [String: String]
  /// Conversions, such as `float64 weights rounded to float32`.
  package var notes: [String]
  /// torchvision's names of the tensors, where a network was found among them.
  package var names: NameMap?
  /// Elements of all views that have more elements than their storage; see `add`.
  var expandedElementCount = 0

  /// Keys under which training scripts store the state dictionary, in order of preference.
  ///
  /// Averaged (EMA) weights come first, as timm prefers them.
  package static let wrappers = ["state_dict_ema", "model_ema", "state_dict", "model", "net", "network"]
  /// Limit on the entries of a dictionary.
  package static let maximumTensorCount = 1 << 15
}
