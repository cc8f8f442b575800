/// An operation as engines see it: operations that differ in a formula or a flag alone are one case.
///
/// Engines and passes switch over it without a `default`. A new element-wise operation brings its formula and needs no
/// engine to know its name; an operation that computes something else adds a case here, and the compiler then lists the
/// engines.
package enum Computation {
  /// The result is the first operand.
  case copy
  /// Each element by itself, by the operation's formula.
  case elementwise(any ElementwiseOp)
  /// Each channel times a scale plus a shift, which follow from statistics.
  case batchNorm(BatchNorm)
  /// The sum of two values of one type.
  case sum
  /// The product of two values of one type.
  case product
  /// Channels or features of all operands one after the other.
  case concat
  /// Each channel of an image times its factor.
  case channelProduct
  case convolution(Conv2D)
  case linear(Linear)
  case pool(Window, Reduction)
  /// A pool over the whole map; padding is never counted.
  case globalPool(Reduction)
  /// The generalized mean of each channel's whole map.
  case generalizedMean(GeneralizedMeanPool)
  case flatten
  case stridedSlice(StridedSlice)
  case channelPad(ChannelPad)
  case reflectPad(ReflectPad)
  /// Probabilities, or their logarithms.
  case softmax(isLogarithm: Bool)

  /// What a pool makes of the values under its window.
  package enum Reduction: Hashable, Sendable {
    case maximum
    /// The mean, over the whole window inside the padded image where `countsPadding`, else over its pixels.
    case mean(countsPadding: Bool)
  }
}
