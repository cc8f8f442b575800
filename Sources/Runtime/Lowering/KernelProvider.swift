/// A source of kernels chosen by descriptor: the portable kernels, or machine code for one instruction set.
///
/// Lowering asks for each layer; where a provider answers nil, the portable kernel takes it, in the
/// provider's own channel block. `buffers` are indices into `RunContext.buffers`. A residual may be the output's
/// own buffer: an element is read before, and by the same item that, writes it.
package protocol KernelProvider: Sendable {
  /// `portable`, `avx2`, `avx512`.
  var name: String { get }
  /// Channels that lie side by side in its layouts: 8 or 16.
  var block: Int { get }

  /// What takes the pages of its plans' memory.
  var pages: LargePages { get }

  /// The processor whose measurements hold for these kernels; empty where there is nothing to choose.
  var processor: String { get }

  /// Steps that compute the convolution, weights packed; `scratch` gives buffers for in-between values.
  ///
  /// `tuned`, one of `alternatives`, overrides the cost model; anything else in its place is passed over.
  func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: ConvolutionWeights, _ buffers: ConvolutionBuffers,
    scratch: inout ScratchBuffers, tuned: String?
  ) -> [KernelStep]?

  /// Ways to compute the convolution that give the same bits and differ little from `choice` (nil: the cost model's),
  /// which comes first; empty where there is but one way.
  func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String]

  func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep?

  func globalPooling(_ descriptor: GlobalPoolingDescriptor, source: Int, target: Int) -> KernelStep?

  /// `weights` are `[O, F]`.
  func linear(
    _ descriptor: LinearDescriptor, _ weights: ConvolutionWeights, source: Int, target: Int
  ) -> KernelStep?
}

extension KernelProvider {
  package var processor: String { "" }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: ConvolutionWeights, _ buffers: ConvolutionBuffers,
    scratch: inout ScratchBuffers
  ) -> [KernelStep]? {
    convolution(descriptor, weights, buffers, scratch: &scratch, tuned: nil)
  }

  package func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] { [] }

  package func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep? { nil }

  package func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) -> KernelStep? { nil }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: ConvolutionWeights, source: Int, target: Int
  ) -> KernelStep? { nil }
}

/// Kernels in Swift SIMD for any machine: the fallback for all others, and a second opinion on them.
package struct PortableKernels: KernelProvider {
  package let name = "portable"
  package let block: Int
  package let pages = LargePages()

  /// `block` is 8, or what the provider uses whose layers these kernels complete.
  package init(block: Int = 8) {
    precondition(block % 8 == 0, "the portable kernels work on blocks of 8 channels, not \(block)")
    self.block = block
  }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: ConvolutionWeights, _ buffers: ConvolutionBuffers,
    scratch: inout ScratchBuffers, tuned: String?
  ) -> [KernelStep]? {
    [DirectConvolution.step(descriptor, weights, buffers)]
  }

  package func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep? {
    Pooling.step(source: source, target: target, descriptor)
  }

  package func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) -> KernelStep? {
    GlobalPooling.step(
      source: source, target: target, input: descriptor.input, output: descriptor.output,
      isMaximum: descriptor.isMaximum)
  }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: ConvolutionWeights, source: Int, target: Int
  ) -> KernelStep? {
    LinearLayer.step(
      source: source, target: target, input: descriptor.input, output: descriptor.output, weights)
  }
}

/// Buffers that live only while one layer runs, placed by the memory planner like any other.
package struct ScratchBuffers {
  /// Index that the next buffer gets in `RunContext.buffers`.
  package private(set) var nextIndex: Int
  /// Bytes an image needs of each buffer handed out so far.
  package private(set) var byteCounts: [Int] = []

  package init(nextIndex: Int) { self.nextIndex = nextIndex }

  /// A buffer of `byteCount` bytes an image (64-byte aligned); its index in `RunContext.buffers`.
  package mutating func add(byteCount: Int) -> Int {
    byteCounts.append((byteCount + 63) & ~63)
    nextIndex += 1
    return nextIndex - 1
  }
}
