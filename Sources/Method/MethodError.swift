import FixresIR
import FixresImaging

/// Why a model or a set of pictures is not fit for a measurement or an adaptation.
package enum MethodError: Error, Hashable, Sendable {
  /// The logits do not come from a linear layer; `layer` is what gives them.
  case noClassifier(layer: String)
  /// The graph does not give the pooled features.
  case noFeatures
  /// There is no batch norm whose statistics could be taken anew.
  case noBatchNorm
  /// The last batch norm is not followed by sum, ReLU and global average alone.
  case unusualTail(layer: String)
  /// More than one picture of a hundred failed to decode.
  case tooManyFailures(failed: Int, pictures: Int, first: String, ImageError)
  /// All pictures failed, or there were none.
  case noPictures(path: String)
  /// Nobody said on which crop the network was trained.
  case unknownTrainResolution
  /// Test-pool needs a test resolution above the training resolution.
  case testPoolNeedsLarger(train: Extent, test: Extent)
  /// The classifier has no bias to absorb an offset.
  case noBias(layer: String)
  /// Features that no law fits: all zero, or all the same.
  case noFrechetFit(resolution: Extent)
  /// A cache of `byteCount` bytes found no room; `errno` says why.
  case cache(path: String, byteCount: Int, errno: Int32)
  case state(path: String, TrainingState.Fault)
  /// A validation set is needed for what `option` asks.
  case needsValidation(option: String)
}
