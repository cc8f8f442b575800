import FixresBase
import FixresIR

/// A layer's parameters as the model holds them, valid during the call that takes them.
package struct LayerParameters {
  /// `[O, I/groups, kh, kw]`, or `[O, F]` of a fully connected layer.
  package var weights: UnsafePointer<Float>
  /// `[O]`
  package var bias: UnsafePointer<Float>?
  /// The name of the weights, where they are a constant of the model.
  package var constant: String?
  /// What owns `weights`, so that they can be packed later; nil where they must be packed during the call.
  package var source: Tensor?
  /// What the model's file holds of the weights, packed.
  package var stored: [PackedConstant] = []
  /// What packing may take; nil where nothing bounds it.
  package var budget: PackingBudget?

  package init(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
    (self.weights, self.bias) = (weights, bias)
  }

  /// The packed weights of the model's file that have this arrangement; nil where the file has none.
  private func stored(_ layout: WeightLayout) -> PackedWeights? {
    stored.first { WeightLayout(of: $0) == layout }.map(PackedWeights.init)
  }

  /// Of weights that the budget covers, and whose memory the limits of the process refuse all the same.
  private func refusal(_ layout: WeightLayout) -> KernelRefusal {
    .memory(needed: (budget?.limit ?? 0).addingSaturated(layout.byteCount))
  }

  /// The weights arranged as `layout`: taken from the model's file where that holds them, else written at once by
  /// `pack`, which finds zeros.
  ///
  /// - Throws: `memory` where the budget does not cover them.
  package func packed(
    _ layout: WeightLayout, in pool: BlockPool, pack: (UnsafeMutablePointer<Float>) -> Void
  ) throws(KernelRefusal) -> LayerWeights {
    if let stored = stored(layout) { return .resident(stored) }
    try budget?.take(layout.byteCount)
    guard let block = pool.block(count: layout.count, of: layout.format) else { throw refusal(layout) }
    pack(block.floats)
    return .resident(PackedWeights(block, of: pool, layout, constant: constant))
  }

  /// The weights arranged as `layout`, to be packed by a step when a run needs them, or at once where nothing owns
  /// them. `makeStep` gets the cell of the address that its items write to; what they leave out where it `hasGaps` must
  /// be zero.
  ///
  /// - Throws: `memory` where the budget does not cover them, and what `makeStep` throws.
  package func packed(
    _ layout: WeightLayout, in pool: BlockPool, hasGaps: Bool,
    by makeStep: (UnsafePointer<UnsafeRawPointer>) throws(KernelRefusal) -> KernelStep
  ) throws(KernelRefusal) -> LayerWeights {
    if let stored = stored(layout) { return .resident(stored) }
    try budget?.take(layout.byteCount)
    guard let block = pool.reserve(byteCount: layout.byteCount) else { throw refusal(layout) }
    let packed = PackedWeights(block, of: pool, layout, constant: constant)
    let step = try makeStep(packed.addressCell)
    if let source {
      return .unpacked(packed, WeightPackingStep(source: source, step: step, hasGaps: hasGaps))
    }
    _ = packed.allocate()
    withUnsafeTemporaryAllocation(byteCount: max(step.scratchByteCount, 1), alignment: 64) { scratch in
      withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: 1) { none in
        guard let memory = scratch.baseAddress, let buffers = none.baseAddress else { return }
        buffers.initialize(to: memory)
        var context = RunContext(
          buffers: buffers, batch: 1, scratch: memory, scratchByteCount: step.scratchByteCount)
        withExtendedLifetime(step) { step.function(step.arguments, &context, 0, step.items, 0) }
      }
    }
    return .resident(packed)
  }
}
