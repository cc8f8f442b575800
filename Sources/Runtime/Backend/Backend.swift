/// A source of kernels chosen by descriptor: the portable kernels, or machine code for one instruction set.
///
/// Lowering asks for each layer; where a backend answers nil, the portable kernel takes it, in the
/// backend's own channel block. `buffers` are indices into `RunContext.buffers`. A residual may be the output's
/// own buffer: an element is read before, and by the same item that, writes it.
package protocol Backend: Sendable {
  /// `portable`, `avx2`, `avx512`.
  var name: String { get }
  /// Channels that lie side by side in its layouts: 8 or 16.
  var block: Int { get }

  /// What takes the pages of its plans' memory.
  var pages: LargePages { get }

  /// The processor whose measurements hold for these kernels; empty where there is nothing to choose.
  var processor: String { get }

  /// Steps that compute the convolution, with its weights packed.
  ///
  /// `tuned`, one of `alternatives`, overrides the cost model; anything else in its place is passed over.
  func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String?
  ) -> [KernelStep]?

  /// Ways to compute the convolution that give the same bits and differ little from `choice` (nil: the cost model's),
  /// which comes first; empty where there is but one way.
  func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String]

  func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep?

  func globalPooling(_ descriptor: GlobalPoolingDescriptor, source: Int, target: Int) -> KernelStep?

  /// `weights` are `[O, F]`.
  func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) -> KernelStep?
}

extension Backend {
  package var processor: String { "" }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers
  ) -> [KernelStep]? {
    convolution(descriptor, weights, buffers, tuned: nil)
  }

  package func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] { [] }

  package func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep? { nil }

  package func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) -> KernelStep? { nil }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) -> KernelStep? { nil }
}
