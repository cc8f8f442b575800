/// A source of kernels chosen by descriptor: the portable kernels, or machine code for one instruction set.
///
/// Lowering asks for each layer; where a provider answers nil, the portable kernel takes it, in the
/// provider's own channel block.
package protocol KernelProvider: Sendable {
  /// `portable`, `avx2`, `avx512`.
  var name: String { get }
  /// Channels that lie side by side in its layouts: 8 or 16.
  var block: Int { get }

  /// Steps that compute the convolution, weights packed; `scratch` gives buffers for in-between values.
  func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: ConvolutionWeights, _ buffers: ConvolutionBuffers,
    scratch: inout ScratchBuffers
  ) -> [KernelStep]?
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
