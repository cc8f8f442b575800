import FixresBase
import FixresIR

/// What the importer knows of a value while it walks the nodes.
enum OnnxValue {
  case activation(OnnxActivation)
  case constant(OnnxConstant)
  /// Whole numbers made of sizes: a vector, or a scalar of one element.
  case sizes([OnnxSize], isScalar: Bool)
  /// A product with a constant matrix that still waits for the bias which the next node may add.
  case product(OnnxProduct)
}

/// A size that a model computes with: a number, or the batch whatever it is.
enum OnnxSize: Hashable {
  case known(Int)
  case batch

  var number: Int? {
    if case .known(let number) = self { number } else { nil }
  }
}

/// What an axis of an ONNX value is in the graph's own layout.
enum OnnxAxis: Hashable {
  case batch, channel, height, width
  /// Height and width as one axis.
  case spatial
  /// The columns of `[N, F]`.
  case feature
  /// An axis of size 1 that the graph's own layout does not have.
  case one
}

/// A value of the graph that is being built, seen through the axes that ONNX gives it.
struct OnnxActivation {
  var value: ValueID
  var axes: [OnnxAxis]
  /// Padding of a Pad node, which the next layer takes into its window.
  var padding: Padding?
  /// What that padding holds.
  var paddingValue: Float = 0
  /// What an Expand has widened it to, for the product that follows.
  var expanded: [OnnxSize]?
  /// A Softmax has been passed over: only the outputs of the model may still depend on the value.
  var isProbability = false

  static let imageAxes: [OnnxAxis] = [.batch, .channel, .height, .width]
}

/// `x W^T`, not in the graph yet.
struct OnnxProduct {
  let x: ValueID
  let weight: ValueID
  let classes: Int
  /// What the product has: rows for a classifier, the axes of its pixel for a gate.
  let axes: [OnnxAxis]
  /// The node that made it, whose name it takes where no bias follows.
  let node: OnnxNode
}

/// A constant of the model, converted where it is used.
struct OnnxConstant {
  enum Source {
    case stored(OnnxTensor)
    case floats(Tensor)
    /// One number everywhere; memory is taken only where a layer needs the elements.
    case filled(Float)
  }

  var name: String
  var shape: [Int]
  var source: Source
  var isInteger: Bool

  var count: Int { shape.reduce(1, *) }
}
