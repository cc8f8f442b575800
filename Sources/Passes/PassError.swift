import FixresIR

/// Why a network could not be adapted.
public enum PassError: Error, Hashable, Sendable {
  /// There is no pass of that name; `known` are the names of all passes.
  case unknownPass(name: String, known: [String])
  /// A list of passes names one twice.
  case repeatedPass(name: String)
  /// `--passes` runs `later` before `earlier`, which `reason` forbids.
  case order(earlier: String, later: String, reason: String)
  /// A new size was asked for, but the chosen passes leave `retarget-resolution` out.
  case resolutionWithoutRetarget(requested: Extent)
  /// A side of the requested input is outside `1...maximum`.
  case resolution(requested: Extent, maximum: Int)
  /// The linear `layer` reads a flattened map, so that its weights fix the map's size.
  case headTiedToMap(
    layer: String, requested: Extent, map: Extent, newMap: Extent, features: Int, newFeatures: Int)
  /// The pool `layer` covers its whole map at the model's size, and what it computes of another map is unknown.
  case poolTiedToMap(layer: String, map: Extent, newMap: Extent, requested: Extent)
  /// `layer` made one pixel of its whole map at the model's size, and would read only a part of the new `map`.
  case headReadsPart(layer: String, map: Extent, requested: Extent)
  /// A kernel or fixed pool is larger than its padded input at the requested size.
  case kernelLargerThanInput(layer: String, kernel: Extent, paddedInput: Extent, requested: Extent)
  /// Any other layer that does not fit the requested size.
  case layerDoesNotFit(layer: String, TypeFault, requested: Extent)
  /// The running variance of `channel` and epsilon give no standard deviation.
  case variance(tensor: String, channel: Int, value: Float, epsilon: Double)
  /// A parameter of batch norm `layer` holds `count` values that are not finite.
  case nonFiniteParameter(tensor: String, layer: String, count: Int)
  /// Folding batch norm `layer` into `tensor` gives values beyond the range of float32.
  case foldedToNonFinite(tensor: String, layer: String, count: Int, sourceIsFinite: Bool)
  /// Batch norm has been folded, so its statistics can no longer be adapted.
  case batchNormFolded(convolutions: Int)
  /// Allocating `byteCount` bytes failed.
  case outOfMemory(byteCount: Int)
  /// A pass broke the graph: a fault of fixresc.
  case broken(pass: String, IRError)
}
