import FixresAssembler

/// What decided how a layer is computed, as `inspect --plan` shows it.
package enum KernelDecision: String, Sendable {
  case costModel = "cost model"
  case tuned
  /// The model's tuning names what this layer cannot be computed with.
  case misfit = "cost model, the tuned kernel does not fit"
}

/// Why a backend has no kernel of its own for a layer, which a portable kernel then computes.
package enum KernelRefusal: Error, Hashable, Sendable {
  /// No kernel of the backend covers this case.
  case uncovered(String)
  /// The system refused the memory for emitted code.
  case executableMemory(ExecutableMemoryError)
  /// Packed weights of the layer do not fit in the memory that is left; no other kernel would help.
  case memory(needed: Int)

  /// A few words for `inspect --plan` and `doctor`.
  package var reason: String {
    switch self {
    case .uncovered(let what): what
    case .executableMemory(let error):
      "the system refuses executable memory (\(error.operation.rawValue), errno \(error.code))"
    case .memory(let needed): "its packed weights take \(needed) bytes"
    }
  }
}

/// A footprint in a place of its own: steps are copied, and a footprint is larger than all the rest of them.
private final class HeldFootprint: Sendable {
  let footprint: StepFootprint

  init(_ footprint: StepFootprint) { self.footprint = footprint }
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
  /// All memory that `function` touches.
  package var footprint: StepFootprint { heldFootprint.footprint }
  private let heldFootprint: HeldFootprint
  /// What `arguments` points to, itself included.
  package var resources: StepResources
  /// What decided among several kernels; nil where there was but one.
  package var chosenBy: KernelDecision?
  /// The choice among several kernels as a model's tuning writes it: algorithm, tile, loop order and division of work.
  package var specification: String?
  /// Why the backend's own kernels do not compute this layer; nil where they do.
  package var refusal: KernelRefusal?

  package init(
    kernel: String, function: @escaping StepFunction, arguments: UnsafeRawPointer, footprint: StepFootprint,
    items: Int, itemsCoverBatch: Bool = false, scratchByteCount: Int = 0, resources: StepResources
  ) {
    (self.kernel, self.function, self.arguments) = (kernel, function, arguments)
    heldFootprint = HeldFootprint(footprint)
    (self.items, self.itemsCoverBatch) = (items, itemsCoverBatch)
    (self.scratchByteCount, self.resources) = (scratchByteCount, resources)
  }

  /// A step whose arguments are a copy of `value`, kept alive with the step.
  package init<Arguments: BitwiseCopyable>(
    kernel: String, function: @escaping StepFunction, copying value: Arguments, footprint: StepFootprint,
    items: Int, itemsCoverBatch: Bool = false, scratchByteCount: Int = 0,
    resources: StepResources = StepResources()
  ) {
    let block = AlignedBlock(byteCount: MemoryLayout<Arguments>.size)
    block.base.storeBytes(of: value, as: Arguments.self)
    var resources = resources
    resources.blocks.append(block)
    self.init(
      kernel: kernel, function: function, arguments: UnsafeRawPointer(block.base), footprint: footprint,
      items: items, itemsCoverBatch: itemsCoverBatch, scratchByteCount: scratchByteCount, resources: resources
    )
  }
}
