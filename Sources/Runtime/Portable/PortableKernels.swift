/// Kernels in Swift SIMD for any machine: the fallback for all others, and a second opinion on them.
package struct PortableKernels: Backend {
  package let name = "portable"
  package let block: Int
  package let pages = LargePages()
  package let processor = ""

  /// `block` is 8, or what the backend uses whose layers these kernels complete.
  package init(block: Int = 8) {
    precondition(block % 8 == 0, "the portable kernels work on blocks of 8 channels, not \(block)")
    self.block = block
  }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String? = nil
  ) -> KernelStep {
    DirectConvolution.step(descriptor, weights, buffers)
  }

  package func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] { [] }

  package func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep {
    Pooling.step(source: source, target: target, descriptor)
  }

  package func globalPooling(_ descriptor: GlobalPoolingDescriptor, source: Int, target: Int) -> KernelStep {
    GlobalPooling.step(
      source: source, target: target, input: descriptor.input, output: descriptor.output,
      isMaximum: descriptor.isMaximum)
  }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) -> KernelStep {
    LinearLayer.step(
      source: source, target: target, input: descriptor.input, output: descriptor.output, weights)
  }
}
