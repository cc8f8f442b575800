/// What decided how a layer is computed, as `inspect --plan` shows it.
package enum KernelDecision: String, Sendable {
  case costModel = "cost model"
  case tuned
  /// The model's tuning names what this layer cannot be computed with.
  case misfit = "cost model, the tuned kernel does not fit"
}

/// One unit of work of a plan: a function, its arguments, and how many independent items it has.
package struct KernelStep: @unchecked Sendable {
  // Sendable because `arguments` is written before the step is made, and never after.

  /// The kernel's name, as `bench --per-layer` shows it.
  package var kernel: String
  package var function: StepFunction
  package var arguments: UnsafeRawPointer
  /// Independent items of one image, or of the whole batch where `itemsCoverBatch`.
  package var items: Int
  package var itemsCoverBatch: Bool
  /// Bytes of `RunContext.scratch` that each thread needs.
  package var scratchByteCount: Int
  /// Keeps alive what `arguments` points to, itself included.
  package var storage: [AnyObject]
  /// What decided among several kernels; nil where there was but one.
  package var chosenBy: KernelDecision?

  /// Those that the step's kernel reads; nil for none, and for portable kernels.
  var weights: PackedWeights? { storage.lazy.compactMap { $0 as? PackedWeights }.first }

  package init(
    kernel: String, function: @escaping StepFunction, arguments: UnsafeRawPointer, items: Int,
    itemsCoverBatch: Bool = false, scratchByteCount: Int = 0, storage: [AnyObject]
  ) {
    (self.kernel, self.function, self.arguments) = (kernel, function, arguments)
    (self.items, self.itemsCoverBatch) = (items, itemsCoverBatch)
    (self.scratchByteCount, self.storage) = (scratchByteCount, storage)
  }

  /// A step whose arguments are a copy of `value`, kept alive with the step.
  package init<Arguments: BitwiseCopyable>(
    kernel: String, function: @escaping StepFunction, copying value: Arguments, items: Int,
    itemsCoverBatch: Bool = false, scratchByteCount: Int = 0, storage: [AnyObject] = []
  ) {
    let block = AlignedBlock(byteCount: MemoryLayout<Arguments>.size)
    block.base.storeBytes(of: value, as: Arguments.self)
    self.init(
      kernel: kernel, function: function, arguments: UnsafeRawPointer(block.base), items: items,
      itemsCoverBatch: itemsCoverBatch, scratchByteCount: scratchByteCount, storage: storage + [block])
  }
}

/// Emitted code that can be shown as text.
package protocol ListedKernel: AnyObject, Sendable {
  /// A specification: family, tile, layer kind, instruction set.
  var name: String { get }
  /// One instruction a line: offset, bytes in hexadecimal, Intel syntax.
  var listing: String { get }
}
