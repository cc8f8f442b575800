/// Max or average pooling over windows.
package struct PoolingDescriptor: Hashable, Sendable {
  package var input, output: TensorLayout
  package var kernelHeight, kernelWidth: Int
  package var strideHeight, strideWidth: Int
  /// Rows and columns around the image; the input's border is not read.
  package var padding: Border
  package var isMaximum: Bool
  /// An average divides by the window's area inside the padded image instead of inside the image.
  package var countsPadding: Bool

  package init(
    input: TensorLayout, output: TensorLayout, kernelHeight: Int, kernelWidth: Int, strideHeight: Int,
    strideWidth: Int, padding: Border, isMaximum: Bool, countsPadding: Bool = false
  ) {
    (self.input, self.output) = (input, output)
    (self.kernelHeight, self.kernelWidth) = (kernelHeight, kernelWidth)
    (self.strideHeight, self.strideWidth) = (strideHeight, strideWidth)
    (self.padding, self.isMaximum, self.countsPadding) = (padding, isMaximum, countsPadding)
  }
}

/// The mean or maximum of each channel's map.
package struct GlobalPoolingDescriptor: Hashable, Sendable {
  package var input, output: TensorLayout
  package var isMaximum: Bool

  package init(input: TensorLayout, output: TensorLayout, isMaximum: Bool) {
    (self.input, self.output, self.isMaximum) = (input, output, isMaximum)
  }
}

/// A fully connected layer; both layouts are 1x1 maps without a border, so their channels are contiguous.
package struct LinearDescriptor: Hashable, Sendable {
  package var input, output: TensorLayout

  package init(input: TensorLayout, output: TensorLayout) {
    (self.input, self.output) = (input, output)
  }
}
