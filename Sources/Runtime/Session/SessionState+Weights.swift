extension SessionState {
  /// Makes the weights of `plan` available for the next run of `images` images.
  mutating func prepareWeights(of plan: ExecutionPlan, images: Int) -> PreparedWeights {
    plan.weights.prepare(images: images, pool, packingContext())
  }

  /// Packs what is not packed yet; allocates nothing.
  mutating func makeWeightsResident(of plan: ExecutionPlan) -> PreparedWeights {
    plan.weights.makeResident(pool, packingContext())
  }

  /// A context in which packing steps find their scratch memory.
  private func packingContext() -> UnsafePointer<RunContext> {
    context.initialize(
      to: RunContext(buffers: table, batch: 1, scratch: scratch.base, scratchByteCount: scratchByteCount))
    return UnsafePointer(context)
  }
}
