import FixresBase
import FixresIR

/// A value of an ONNX model during the import.
enum OnnxValue {
  /// Data that depends on the input.
  case activation(OnnxActivation)
  /// Data that does not depend on the input.
  case constant(OnnxConstant)
  /// Integers computed from shapes: a vector, or a scalar as one element.
  case sizes([OnnxSize], isScalar: Bool)
  /// A product with a constant matrix that is not in the graph yet: the next node may add its bias.
  case product(OnnxProduct)
}

/// An extent in shape arithmetic: a number, or the symbolic batch.
enum OnnxSize: Hashable {
  case known(Int)
  case batch

  var number: Int? {
    if case .known(let number) = self { number } else { nil }
  }
}

/// The axis of the graph's layout ([N, C, H, W] or [N, F]) that an axis of an ONNX value corresponds to.
enum OnnxAxis: Hashable {
  case batch, channel, height, width
  /// Height and width as one axis.
  case spatial
  /// F of `[N, F]`.
  case feature
  /// An axis of size 1 without a counterpart.
  case one
}

/// A value of the graph, and the order of the axes in which the ONNX model sees it.
struct OnnxActivation {
  /// The value in the graph.
  var value: ValueID
  /// The axes in ONNX's order.
  var axes: [OnnxAxis]
  /// Padding of a Pad node, not in the graph yet: the next convolution or pool adds it to its own; nil for
  /// none.
  var padding: Padding?
  /// The number that the padding holds.
  var paddingValue: Float = 0
  /// The shape that an Expand repeats it to, for the Mul that follows; nil for none.
  var expanded: [OnnxSize]?
  /// The generalized mean of whose powers this is: of `value`, which is not raised to them in the graph; the next node
  /// takes their mean. nil for none.
  var power: GeneralizedMeanPool?
  /// The generalized mean whose root the next node takes; nil for none.
  var meanOfPowers: GeneralizedMeanPool?
  /// What a Softmax or a Sigmoid that is not in the graph makes of it, and no layer may depend on; nil for none.
  var meaning: OutputMeaning?

  /// [N, C, H, W].
  static let imageAxes: [OnnxAxis] = [.batch, .channel, .height, .width]
}

/// `x W^T`, not in the graph yet.
struct OnnxProduct {
  let x: ValueID
  let weight: ValueID
  let classes: Int
  /// The axes of the result: rows for a classifier, those of one pixel for a gate.
  let axes: [OnnxAxis]
  /// The node of the product, whose name the layer has where no bias follows.
  let node: OnnxNode
}

/// A constant of the model, converted when a layer reads it.
struct OnnxConstant {
  enum Source {
    case stored(OnnxTensor)
    case floats(Tensor)
    /// One repeated number; memory is allocated when a layer needs the elements.
    case filled(Float)
  }

  var name: String
  var shape: [Int]
  var source: Source
  var isInteger: Bool

  var count: Int { shape.reduce(1, *) }
}
