extension SessionState {
  /// Sees to the weights of runs to come, of `images` pictures the next.
  ///
  /// Memory that a process has not used yet costs more than packing does: ResNet-50's 161 MB were measured to take 10 ms
  /// to pack into memory that it has, and 60 into new. A first run of one picture thus packs each layer's weights just
  /// before the layer, all into the room of the largest; whoever comes again gets them packed for good.
  mutating func readyWeights(_ plan: ExecutionPlan, images: Int) {
    if hasRun || images > 1 {
      packWeights(plan)
    } else {
      lentMemory = plan.weights.filter { !$0.isPacked }.max { $0.count < $1.count }?.takeMemory()
    }
    hasRun = true
  }

  /// Each layer's weights are packed as the run comes to it, which only `run` does.
  var lendsMemory: Bool { lentMemory != nil }

  /// Packs for good what is not packed yet; allocates nothing.
  mutating func packWeights(_ plan: ExecutionPlan) {
    lentMemory = nil
    guard !hasPacked else { return }
    hasPacked = true
    context.initialize(
      to: RunContext(buffers: table, batch: 1, scratch: scratch.base, scratchByteCount: scratchByteCount))
    for weights in plan.weights { weights.pack(pool, context) }
  }
}
