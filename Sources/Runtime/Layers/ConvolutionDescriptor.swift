import FixresBase

/// Maximum length of a partial sum: a reduction of length K is accumulated in blocks of at most this many products,
/// and the block sums are added (blocked summation, Higham 1993), as a chain of n additions errs by about sqrt(n)
/// roundings.
package enum PartRows {
  /// Nearly as fast as one chain.
  package static let long = 128
  /// 1 to 2 % slower; for many layers, and for sums whose terms are larger than their result. Shorter parts cost more
  /// than they save.
  package static let short = 32
}

/// All that a kernel generator needs to know of one convolution; no graph, no names.
///
/// The input's border is at least the padding that the kernel really reads, so a kernel needs no edge cases.
package struct ConvolutionDescriptor: Hashable, Sendable {
  package var input: TensorLayout
  package var output: TensorLayout
  /// Layout of the value added before the activation; nil without a residual.
  package var residual: TensorLayout?
  package var kernelHeight, kernelWidth: Int
  package var strideHeight, strideWidth: Int
  /// Distance between neighbouring taps of the kernel; the kernels that are emitted have none but 1.
  package var dilationHeight = 1
  package var dilationWidth = 1
  package var paddingTop, paddingLeft: Int
  package var groups: Int
  package var hasBias: Bool
  package var hasReLU: Bool
  /// Maximum length of a partial sum; one of `PartRows`.
  package var partRows = PartRows.long

  package init(
    input: TensorLayout, output: TensorLayout, residual: TensorLayout? = nil, kernelHeight: Int,
    kernelWidth: Int,
    strideHeight: Int = 1, strideWidth: Int = 1, paddingTop: Int = 0, paddingLeft: Int = 0, groups: Int = 1,
    hasBias: Bool = true, hasReLU: Bool = false
  ) {
    (self.input, self.output, self.residual) = (input, output, residual)
    (self.kernelHeight, self.kernelWidth) = (kernelHeight, kernelWidth)
    (self.strideHeight, self.strideWidth) = (strideHeight, strideWidth)
    (self.paddingTop, self.paddingLeft) = (paddingTop, paddingLeft)
    (self.groups, self.hasBias, self.hasReLU) = (groups, hasBias, hasReLU)
  }

  /// Whether the taps of the kernel lie apart.
  package var isDilated: Bool { dilationHeight != 1 || dilationWidth != 1 }

  /// Multiply-adds for one image.
  package var macs: Int {
    let weights = output.channels.multipliedSaturated(input.channels / groups)
      .multipliedSaturated(kernelHeight.multipliedSaturated(kernelWidth))
    return output.height.multipliedSaturated(output.width).multipliedSaturated(weights)
  }

  /// The share of multiply-adds whose source is a pixel of the map and not padding.
  package var shareOnMap: Double {
    func taps(
      _ output: Int, _ input: Int, _ kernel: Int, _ stride: Int, dilation: Int, _ padding: Int
    ) -> Double {
      func live(_ pixel: Int) -> Int {
        let first = pixel * stride - padding
        let before = first < 0 ? (dilation - 1 - first) / dilation : 0
        let inside = input > first ? (input - first + dilation - 1) / dilation : 0
        return max(0, min(inside, kernel) - before)
      }
      // All taps of the pixels between the edges lie on the map.
      let begin = min(output, (padding + stride - 1) / stride)
      let room = input + padding - (kernel - 1) * dilation - 1
      let end = room < 0 ? begin : max(begin, min(output, room / stride + 1))
      var count = (end - begin) * kernel
      for pixel in 0..<begin { count += live(pixel) }
      for pixel in end..<output { count += live(pixel) }
      return Double(count) / Double(max(1, output * kernel))
    }
    return taps(
      output.height, input.height, kernelHeight, strideHeight, dilation: dilationHeight, paddingTop)
      * taps(output.width, input.width, kernelWidth, strideWidth, dilation: dilationWidth, paddingLeft)
  }

  /// Elements from the input's origin to the first tap of output pixel (0, 0): never before the image's start.
  package var firstTapOffset: Int { -(paddingTop * input.rowStride + paddingLeft * input.block) }
  /// `firstTapOffset` in bytes.
  package var firstTapByteOffset: Int { input.format.byteCount(of: firstTapOffset) }
  /// How packed weights are stored: as the map whose pixels they are multiplied with.
  package var weightFormat: ElementFormat { input.format }
}

/// Where a convolution finds its operands: indices into `RunContext.buffers`.
package struct ConvolutionBuffers: Hashable, Sendable {
  package var input, output: Int
  package var residual: Int?

  package init(input: Int, output: Int, residual: Int? = nil) {
    (self.input, self.output, self.residual) = (input, output, residual)
  }
}
