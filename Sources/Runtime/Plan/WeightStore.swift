import FixresBase
import FixresIR

/// The packed weights of one plan, and whether a run may read them.
///
/// Memory that a process has not used yet costs more than packing does: ResNet-50's 161 MB were measured to take 10 ms
/// to pack into memory that the process has, and 60 into new memory. The first run of one image therefore packs each
/// layer just before the layer runs, all into one shared buffer; a second run, or a first one of several images, packs
/// every layer into memory of its own.
package final class WeightStore: @unchecked Sendable {
  // Sendable because it is changed only by the maker of its plan, or under the lock of the plan's session.

  /// Where the weights are; a store passes through these states in order and may skip the second.
  package enum State {
    /// Nothing has been packed yet.
    case unpacked
    /// Each layer is packed into this buffer, shared by all layers, just before it runs.
    case perLayer(AlignedBlock)
    /// Every layer has its own packed weights, which are not written again.
    case resident
  }

  package private(set) var state: State
  /// By step; nil for steps without weights.
  private let packed: [PackedWeights?]
  /// By step: what packs the weights; nil for steps whose weights are in place. Entries are only ever removed, as a run
  /// must not allocate.
  private var packings: [LayerWeights?]
  /// Emitted kernels that pack, kept so that a run unmaps no page of theirs.
  private let packingKernels: [any ListedKernel]

  init(_ layers: [LayerWeights?]) {
    packed = layers.map { $0?.packed }
    packings = layers.map { $0?.packing == nil ? nil : $0 }
    packingKernels = packings.flatMap { $0?.packing?.step.resources.kernels ?? [] }
    state = packings.contains { $0 != nil } ? .unpacked : .resident
  }

  /// The weights of all layers, in the order of the steps; they hold nothing before they are resident.
  package var all: [PackedWeights] { packed.compactMap(\.self) }

  /// Whether no run packs weights any more.
  package var areResident: Bool { if case .resident = state { true } else { false } }

  /// Layers that have no packed weights of their own yet.
  package var unpackedCount: Int { packings.count { $0 != nil } }

  /// Makes weights available for the next run of `images` images; allocates nothing once they are resident.
  func prepare(images: Int, _ pool: ThreadPool, _ context: UnsafePointer<RunContext>) -> PreparedWeights {
    guard case .unpacked = state, images == 1 else { return makeResident(pool, context) }
    let unpacked = packed.indices.lazy.filter { self.packings[$0] != nil }.compactMap { self.packed[$0] }
    let largest = unpacked.max { $0.ownByteCount < $1.ownByteCount }
    guard let shared = largest?.allocate() else { return makeResident(pool, context) }
    state = .perLayer(shared)
    return PreparedWeights(self)
  }

  /// Packs every layer that is not packed yet into memory of its own, and gives the pages of its constant back.
  func makeResident(_ pool: ThreadPool, _ context: UnsafePointer<RunContext>) -> PreparedWeights {
    if case .resident = state { return PreparedWeights(self) }
    for index in packings.indices {
      guard let packing = packings[index]?.packing, let weights = packed[index],
        let memory = weights.allocate()
      else {
        continue
      }
      Self.pack(weights, by: packing, into: memory, pool, context)
      packing.source.bytes.releasePages()
      packings[index] = nil
    }
    state = .resident
    return PreparedWeights(self)
  }

  /// Packs the weights of step `index` into the shared buffer.
  fileprivate func pack(
    step index: Int, into shared: AlignedBlock, _ pool: ThreadPool, _ context: UnsafePointer<RunContext>
  ) {
    guard let packing = packings[index]?.packing, let weights = packed[index] else { return }
    Self.pack(weights, by: packing, into: shared, pool, context)
  }

  private static func pack(
    _ weights: PackedWeights, by packing: WeightPackingStep, into memory: AlignedBlock, _ pool: ThreadPool,
    _ context: UnsafePointer<RunContext>
  ) {
    weights.move(to: memory)
    if packing.hasGaps {
      memory.base.initializeMemory(as: UInt8.self, repeating: 0, count: weights.ownByteCount)
    }
    let step = packing.step
    pool.run(step.function, step.arguments, context, count: step.items)
  }
}

/// Proof that the weights of a plan may be read: only its weight store makes one, and every run takes one.
package struct PreparedWeights {
  private let store: WeightStore
  /// The buffer into which each layer is packed just before it runs; nil where all weights are resident.
  private let shared: AlignedBlock?

  fileprivate init(_ store: WeightStore) {
    self.store = store
    if case .perLayer(let block) = store.state { shared = block } else { shared = nil }
  }

  /// False while layers share one buffer, so that images cannot run side by side.
  var areResident: Bool { shared == nil }

  /// Whether these are the weights of `store`.
  func belong(to store: WeightStore) -> Bool { self.store === store }

  /// Makes the weights of step `index` readable, if they are not.
  @inline(__always)
  func makeReadable(step index: Int, _ pool: ThreadPool, _ context: UnsafePointer<RunContext>) {
    if let shared { store.pack(step: index, into: shared, pool, context) }
  }

  /// Every layer's packed weights and their elements, `[count]`.
  var elements: [(weights: PackedWeights, elements: Tensor)] {
    precondition(areResident, "weights in a shared buffer are overwritten by the next layer")
    return store.all.map { ($0, $0.elements) }
  }
}
