import FixresBase

/// A lowered graph: steps in order, and where in the arena each buffer lies; bound to a batch only by a run.
package final class ExecutionPlan: Sendable {
  /// A step as the run loop wants it.
  struct Step: BitwiseCopyable {
    var function: StepFunction
    var arguments: UnsafeRawPointer
    var items: Int
    var itemsCoverBatch: Bool
  }

  /// What a person wants to know of a step.
  package struct StepInfo: Hashable, Sendable {
    /// The value that the step's layer makes.
    package var layer: String
    package var kernel: String
    /// Multiply-adds for one image.
    package var macs: Int
    /// What decided among several kernels; nil where there was but one.
    package var chosenBy: KernelDecision?
    /// That choice as a model's tuning writes it.
    package var specification: String?
    /// Why the backend's own kernels do not compute the layer; nil where they do.
    package var refusal: KernelRefusal?
  }

  /// Offset of a buffer in bytes from the arena's start, for a batch of one.
  package struct BufferInfo: Hashable, Sendable {
    package var value: String
    package var offset: Int
    package var byteCount: Int
    package var firstStep, lastStep: Int
  }

  /// A value of the graph that the plan keeps in a buffer.
  package struct ValueInfo: Hashable, Sendable {
    package var name: String
    package var dims: [Int]
    package var buffer: Int
    package var layout: TensorLayout
  }

  /// The backend's name: `portable`, `avx2`, `avx512`.
  package let backend: String
  /// What takes the pages of memory for its runs.
  let pages: LargePages
  package let steps: [StepInfo]
  package let buffers: [BufferInfo]
  package let values: [ValueInfo]
  /// Bytes of the arena for each image of a batch.
  package let arenaByteCount: Int
  /// Bytes of scratch memory for each thread.
  package let scratchByteCount: Int
  /// Bytes of weights that are packed for this plan, and of tables.
  package let packedByteCount: Int
  /// Weights as kernels read them.
  package let weights: WeightStore
  /// Indices of the caller's own buffers among `RunContext.buffers`, behind those of the arena.
  package let inputBuffer: Int
  package let outputBuffers: [Int]

  nonisolated(unsafe) let flatSteps: UnsafeMutableBufferPointer<Step>
  /// What the steps point to, by step.
  private let blocks: [[AlignedBlock]]
  private let operations: [OperationReference?]
  /// Emitted kernels of each step; none for portable ones.
  let kernels: [[any ListedKernel]]

  init(
    backend: String, pages: LargePages, steps: [(info: StepInfo, step: KernelStep)], buffers: [BufferInfo],
    values: [ValueInfo], arenaByteCount: Int, inputBuffer: Int, outputBuffers: [Int]
  ) {
    (self.backend, self.pages) = (backend, pages)
    self.steps = steps.map(\.info)
    self.buffers = buffers
    self.values = values
    self.arenaByteCount = arenaByteCount
    self.inputBuffer = inputBuffer
    self.outputBuffers = outputBuffers
    scratchByteCount = Self.scratchByteCount(steps.lazy.map(\.step))
    kernels = steps.map(\.step.resources.kernels)
    blocks = steps.map(\.step.resources.blocks)
    operations = steps.map(\.step.resources.operation)
    weights = WeightStore(steps.map(\.step.resources.weights))
    packedByteCount =
      blocks.joined().reduce(0) { $0 + $1.byteCount } + weights.all.reduce(0) { $0 + $1.ownByteCount }
    flatSteps = .allocate(capacity: steps.count)
    for (index, entry) in steps.enumerated() {
      let step = entry.step
      flatSteps.initializeElement(
        at: index,
        to: Step(
          function: step.function, arguments: step.arguments, items: step.items,
          itemsCoverBatch: step.itemsCoverBatch))
    }
  }

  deinit { flatSteps.deallocate() }

  /// Bytes of the arena for `images` images at once: buffers of every one of them lie where those of one do, as each
  /// offset and size is multiplied by the batch.
  ///
  /// - Throws: `planTooLarge` where that exceeds any memory.
  package func arenaByteCount(images: Int) throws(RuntimeError) -> Int {
    guard images >= 0, let byteCount = arenaByteCount.multipliedChecked(images) else {
      throw .planTooLarge(needed: .max, available: MachineMemory.availableByteCount())
    }
    return byteCount
  }

  /// Bytes of scratch memory that each thread needs to run `steps` and to pack their weights.
  static func scratchByteCount(_ steps: some Sequence<KernelStep>) -> Int {
    steps.reduce(0) {
      max($0, $1.scratchByteCount, $1.resources.weights?.packing?.step.scratchByteCount ?? 0)
    }
  }

  /// Entries of `RunContext.buffers`: the arena's buffers, the input, then the outputs.
  package var bufferCount: Int { buffers.count + 1 + outputBuffers.count }

  /// Bytes of packed weights that are the model file's.
  package var mappedByteCount: Int { weights.all.reduce(0) { $0 + $1.mappedByteCount } }
}
