/// A source of kernels chosen by descriptor: the portable kernels, or machine code for one instruction set.
///
/// Lowering asks for each layer; where a backend refuses, the portable kernel computes it, in the backend's own channel
/// block, and the plan says why. `buffers` are indices into `RunContext.buffers`. A residual may be the output's own
/// buffer: an element is read before, and by the same item that, writes it.
package protocol Backend: Sendable {
  /// `portable`, `avx2`, `avx512`.
  var name: String { get }
  /// Channels that lie side by side in its layouts: 8 or 16.
  var block: Int { get }

  /// How maps and packed weights are stored in its plans.
  var format: ElementFormat { get }

  /// Whether its kernels read and write maps of `format`. A backend is not asked for a layer in any other format.
  func supports(_ format: ElementFormat) -> Bool

  /// Takes the pages of its plans' memory.
  var pages: LargePages { get }

  /// The processor whose measurements hold for these kernels; empty where there is nothing to choose.
  var processor: String { get }

  /// A step that computes the convolution.
  ///
  /// `tuned`, one of `alternatives`, overrides the cost model; anything else in its place is passed over.
  func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String?
  ) throws(KernelRefusal) -> KernelStep

  /// Ways to compute the convolution that give the same bits and differ little from `choice` (nil: the cost model's),
  /// which comes first; empty where there is but one way.
  func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String]

  /// A step for max or average pooling over windows.
  func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) throws(KernelRefusal) -> KernelStep

  /// A step for the mean or maximum of whole maps.
  func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep

  /// A step for a fully connected layer with weights `[O, F]`.
  func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep

  /// A step that copies pictures `[N, C, H, W]` of float32 from buffer `source` to maps of `layout`, whose border and
  /// unused lanes become zero; asked for where `layout` is not float32.
  func load(_ layout: TensorLayout, source: Int, target: Int) throws(KernelRefusal) -> KernelStep

  /// A step that copies maps of `layout` to `[N, C, H, W]` of float32 in buffer `target`; asked for where `layout` is
  /// not float32.
  func store(_ layout: TensorLayout, source: Int, target: Int) throws(KernelRefusal) -> KernelStep
}

extension Backend {
  package var format: ElementFormat { .f32 }

  package func supports(_ format: ElementFormat) -> Bool { format == .f32 }

  package func load(
    _ layout: TensorLayout, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    throw .uncovered("no kernel loads pictures as \(layout.format.name)")
  }

  package func store(
    _ layout: TensorLayout, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    throw .uncovered("no kernel stores results of \(layout.format.name)")
  }
}
