import FixresBase
import FixresIR

/// A layer's weights as its kernel reads them: mapped from the model's file, or packed from the model's constant.
package final class PackedWeights: @unchecked Sendable {
  // Sendable because weights are packed by the maker of their plan, or under the lock of its session.

  /// The constant that they are made from; nil for weights that are none of the model's.
  package let constant: String?
  package let layout: String
  /// Floats.
  package let count: Int
  /// Where kernels find the weights' address, which changes between runs until they are packed for good.
  package let place: UnsafePointer<UnsafeRawPointer>
  private let address: UnsafeMutablePointer<UnsafeMutableRawPointer>
  /// Memory of these weights alone; nil where they are the file's.
  private let block: AlignedBlock?
  private let stored: Tensor?
  /// What `block` is a part of; goes with the weights, as what goes in a run may allocate.
  private let pool: BlockPool?
  private var packing: Packing?
  /// False while `packing` is still to be done.
  package private(set) var isPacked = true

  /// How weights are packed when they are needed.
  struct Packing {
    /// The constant's memory, which `step` reads; nil once it has been.
    var source: Tensor?
    /// Its items write where `place` leads.
    var step: KernelStep
    /// Some elements are left out by `step`, and must be zero.
    var hasGaps: Bool
  }

  init(_ stored: PackedConstant) {
    (constant, layout, count) = (stored.constant, stored.layout, stored.elements.elementCount)
    self.stored = stored.elements
    (block, pool) = (nil, nil)
    address = .allocate(capacity: 1)
    address.initialize(to: UnsafeMutableRawPointer(mutating: stored.elements.bytes.unsafeBase))
    place = UnsafeRawPointer(address).assumingMemoryBound(to: UnsafeRawPointer.self)
  }

  /// Weights that lie in `block` of `pool`, or will.
  init(_ block: AlignedBlock, _ pool: BlockPool, _ layout: String, of constant: String?) {
    (self.constant, self.layout, self.block, self.pool, stored) = (constant, layout, block, pool, nil)
    count = block.byteCount / 4
    address = .allocate(capacity: 1)
    address.initialize(to: block.base)
    place = UnsafeRawPointer(address).assumingMemoryBound(to: UnsafeRawPointer.self)
  }

  deinit { address.deallocate() }

  /// 64-byte aligned, never written once packed.
  package var base: UnsafeRawPointer { place.pointee }

  /// Bytes that are packed for this plan; 0 where they are the file's.
  package var ownByteCount: Int { block?.byteCount ?? 0 }

  /// The packed weights, which must be packed by now.
  package var elements: Tensor {
    if let stored { return stored }
    guard isPacked, let block else { preconditionFailure("\(constant ?? "") is not packed yet") }
    let storage = ByteStorage(base: block.base, count: block.byteCount) { extendLifetime(block) }
    return Tensor(shape: [count], bytes: Bytes(storage))
  }
}

extension PackedWeights {
  /// Leaves the packing to a run that needs the weights.
  func wait(for packing: Packing) {
    self.packing = packing
    isPacked = false
  }

  /// Bytes of scratch memory that each thread needs to pack them.
  var scratchByteCount: Int { packing?.step.scratchByteCount ?? 0 }

  /// Memory for these weights, or for others until these are packed.
  func takeMemory() -> AlignedBlock? {
    guard let block else { return nil }
    pool?.pages.take(block.base, block.byteCount)
    return block
  }

  /// Packs into `memory`, where they stay until somebody else packs there.
  func pack(into memory: AlignedBlock, _ pool: ThreadPool, _ context: UnsafePointer<RunContext>) {
    guard !isPacked, let packing else { return }
    address.pointee = memory.base
    if packing.hasGaps { memory.floats.update(repeating: 0, count: count) }
    pool.run(packing.step.function, packing.step.arguments, context, count: packing.step.items)
  }

  /// Packs for good, and gives the constant's pages back.
  func pack(_ pool: ThreadPool, _ context: UnsafePointer<RunContext>) {
    guard !isPacked, let memory = takeMemory() else { return }
    pack(into: memory, pool, context)
    isPacked = true
    packing?.source?.bytes.releasePages()
    packing?.source = nil
  }
}
