import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime

/// Why a model or a set of pictures can't be measured, compared or adapted.
public enum MethodError: Error, Hashable, Sendable {
  /// The logits do not come from a linear layer; `layer` is what gives them.
  case noClassifier(layer: String)
  /// The graph does not give the pooled features.
  case noFeatures
  /// The network has no batch norm whose statistics could be recomputed.
  case noBatchNorm
  /// The last batch norm is not followed by sum, ReLU and global average alone.
  case unusualTail(layer: String)
  /// More than one picture of a hundred failed to decode; `first` is the path of the first one.
  case tooManyFailures(failed: Int, pictures: Int, first: String, ImageError)
  /// `count` pictures failed one after another; `done` of `pictures` had been looked at, `first` is the path of the first.
  case failuresInSuccession(count: Int, done: Int, pictures: Int, first: String, ImageError)
  /// The network gives numbers that are not finite for `input`, a picture or what names the input.
  case notFinite(input: String, NonFiniteOrigin)
  /// All pictures failed, or there were none.
  case noPictures(path: String)
  /// The crop that the network was trained on is not known.
  case unknownTrainResolution
  /// Fine-tuning trains a softmax, and the network's `logits` scores are read by sigmoids.
  case sigmoidOutputs(logits: Int)
  /// Test-pool needs a test resolution above the training resolution.
  case testPoolNeedsLarger(train: Extent, test: Extent)
  /// The classifier has no bias to absorb an offset.
  case noBias(layer: String)
  /// No law can be fitted to the features: all are zero, or all the same.
  case noFrechetFit(resolution: Extent)
  /// A cache of `byteCount` bytes was refused; `errno` is the system's reason.
  case cache(path: String, byteCount: Int, errno: Int32)
  /// The state of an interrupted fine-tuning can't be resumed.
  case state(path: String, TrainingStateFault)
  /// Others who compute samples have failed, or what they gave is not what was asked for.
  case workers(WorkerFault)
  /// A validation set is needed for what `option` asks.
  case needsValidation(option: String)
  /// A number of a training schedule that no training can use.
  case schedule(name: String, expected: String, found: String)
  /// The logits of the adapted model differ from those of the unfolded one by more than rounding explains.
  case proofFailed(difference: Float, limit: Float)
  /// A pass changed what the network computes, by the reference interpreter; `layer` is the first value that departs.
  case passFailed(pass: String, layer: String?, resolution: Extent, difference: Float, limit: Float)
  /// The network with its rewritten head does not give the logits of the original one at the original resolution.
  case headProofFailed(resolution: Extent, difference: Float)
  /// A made-up input of `batch` images of `shape` does not fit in memory.
  case inputTooLarge(batch: Int, shape: [Int])
  /// Two models that are to be compared read inputs of different types, printed as in the graph's text.
  case differentInputs(String, String)
  /// Two models that are to be compared have no layer of one name and shape in common.
  case noCommonLayers
  /// A file can't be opened, read or written.
  case file(FileError)
  /// A file gives no model.
  case checkpoint(CheckpointError)
  /// A reference can't be used or does not fit.
  case reference(ReferenceFault)
  /// A data set can't be evaluated.
  case evaluation(EvaluationError)
  /// A pass refused the model.
  case pass(PassError)
  /// The engine refused to plan or run a model.
  case runtime(RuntimeError)
  /// A picture or its preprocessing was refused.
  case image(ImageError)
  /// A rewritten model is not sound.
  case model(IRError)
}
