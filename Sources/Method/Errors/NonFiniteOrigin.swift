/// Where the numbers of a network stop being finite, in the order of execution.
public enum NonFiniteOrigin: Hashable, Sendable {
  /// The network's input holds one at `index`.
  case input(index: Int)
  /// The weights of `layer` hold one: element `index` of the tensor `name`.
  case constant(name: String, index: Int, layer: String)
  /// `layer` is the first that gives one, of finite operands: its `operation` overflows float32. `weights` is the first
  /// of its tensors, where it has any.
  case layer(name: String, operation: String, weights: String?)
  /// No single layer could be told.
  case unknown
}
