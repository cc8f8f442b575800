import FixresIR

/// Proves that a plan computes its graph: replays the steps on the bytes of the arena, and refuses a plan in which a step
/// reads anything but the value that the graph names.
///
/// It shares no code with the planning. What it knows is the graph, where each buffer lies, and each step's footprint.
/// For every read the bytes must have been written last, all of them, by the step of that very value, in the same
/// layout; a step may write what it reads only element by element in one place. Bounds hold for every batch, as image
/// `n` of a buffer lies `n` times its own bytes behind the buffer's start, and all starts are multiplied by the batch.
package struct PlanChecker {
  /// What a step is for.
  package enum Role: Hashable, Sendable {
    /// Fills the graph's input from the caller's memory.
    case load
    /// Computes node `index` of the graph.
    case node(Int)
    /// Copies output `index` to the caller's memory.
    case store(Int)
  }

  /// The value that a buffer holds, and how.
  private struct Resident {
    var content: Int
    var layout: TensorLayout
    var box: MapBox
    /// The step that wrote it.
    var stamp: Int
  }

  private let graph: Graph
  private let outputs: [ValueID]
  private let plan: ExecutionPlan
  private let steps: [(info: ExecutionPlan.StepInfo, step: KernelStep)]
  private var stamps: BlockStamps
  /// By buffer: its blocks in `stamps`.
  private var blocks: [Range<Int>] = []
  private var residents: [Resident?]
  /// By value: the first value whose elements are the same in the same order; itself unless it is a mere alias.
  private var contents: [Int]
  private var step = 0
  private var footprint: StepFootprint { steps[step].step.footprint }

  /// Checks `plan`, made of `steps`, which have `roles`, as a plan for `outputs` of `graph`.
  ///
  /// - Throws: `RuntimeError.unsoundPlan` with the first fault.
  package static func check(
    _ plan: ExecutionPlan, steps: [(info: ExecutionPlan.StepInfo, step: KernelStep)], roles: [Role],
    of graph: Graph, outputs: [ValueID], keepsValues: Bool
  ) throws(RuntimeError) {
    var checker = PlanChecker(plan, steps, graph, outputs: outputs)
    do throws(PlanFault) {
      try checker.placeBuffers()
      try checker.replay(roles)
      if keepsValues { try checker.findAllValues() }
    } catch { throw .unsoundPlan(error) }
  }

  private init(
    _ plan: ExecutionPlan, _ steps: [(info: ExecutionPlan.StepInfo, step: KernelStep)], _ graph: Graph,
    outputs: [ValueID]
  ) {
    (self.plan, self.steps, self.graph, self.outputs) = (plan, steps, graph, outputs)
    residents = [Resident?](repeating: nil, count: plan.buffers.count)
    contents = Array(graph.values.indices)
    var boundaries: [Int] = []
    boundaries.reserveCapacity(2 * plan.buffers.count)
    for buffer in plan.buffers {
      boundaries.append(buffer.offset)
      boundaries.append(buffer.offset &+ buffer.byteCount)
    }
    stamps = BlockStamps(boundaries: boundaries)
  }

  /// Every buffer lies in the arena.
  private mutating func placeBuffers() throws(PlanFault) {
    blocks.reserveCapacity(plan.buffers.count)
    for buffer in plan.buffers {
      let span = ByteSpan(buffer.offset, buffer.byteCount)
      guard buffer.byteCount >= 0, span.fits(in: plan.arenaByteCount), buffer.offset % 64 == 0 else {
        throw PlanFault(
          .bufferOutsideArena, layer: buffer.value, memory: buffer.value, offset: buffer.offset,
          byteCount: buffer.byteCount)
      }
      blocks.append(stamps.block(at: buffer.offset)..<stamps.block(at: buffer.offset + buffer.byteCount))
    }
  }

  private mutating func replay(_ roles: [Role]) throws(PlanFault) {
    var next = 0
    var stored = 0
    var isLoaded = false
    guard roles.count == steps.count, roles.count == plan.steps.count else { throw fault(.operands, "plan") }
    for (index, role) in roles.enumerated() {
      step = index
      try checkOwnMemory()
      switch role {
      case .load:
        guard !isLoaded, let input = graph.inputs.first else { throw fault(.operands, "input") }
        isLoaded = true
        try run(reading: [], making: input)
        try checkCaller(plan.inputBuffer, of: input)
      case .node(let node):
        guard node >= next, node < graph.nodes.count else { throw fault(.operands, "\(node)") }
        for skipped in next..<node { try pass(skipped) }
        next = node + 1
        let operands = graph.nodes[node].operands.filter { graph[$0].type.batched }
        try run(reading: operands, making: graph.nodes[node].result)
      case .store(let output):
        for skipped in next..<graph.nodes.count { try pass(skipped) }
        next = graph.nodes.count
        guard output == stored, outputs.indices.contains(output) else { throw fault(.operands, "output") }
        stored += 1
        try run(reading: [outputs[output]], making: nil)
        try checkCaller(plan.outputBuffers[output], of: outputs[output])
      }
    }
    guard stored == outputs.count, isLoaded else { throw fault(.operands, "output") }
  }

  /// A node without a step: nothing is to be computed, and its result has its operand's very bytes.
  private mutating func pass(_ index: Int) throws(PlanFault) {
    let node = graph.nodes[index]
    guard graph[node.result].type.batched else { return }
    let isAlias: Bool
    switch node.op.computation {
    case .copy: isAlias = true
    case .flatten: isAlias = graph[node.operands[0]].type.spatial == Extent(1, 1)
    case .elementwise, .batchNorm, .sum, .product, .concat, .channelProduct, .convolution, .linear, .pool,
      .globalPool, .generalizedMean, .stridedSlice, .channelPad, .reflectPad, .softmax:
      isAlias = false
    }
    guard isAlias else {
      throw PlanFault(.operands, layer: graph[node.result].name, memory: graph[node.result].name)
    }
    contents[node.result.index] = contents[node.operands[0].index]
  }

  /// The current step reads `operands`, then writes `result`.
  private mutating func run(reading operands: [ValueID], making result: ValueID?) throws(PlanFault) {
    let footprint = footprint
    guard footprint.reads.count == operands.count, (footprint.write == nil) == (result == nil) else {
      throw fault(.operands, "")
    }
    for (operand, read) in zip(operands, footprint.reads) { try check(read, of: operand) }
    guard let write = footprint.write, let result else { return }
    try checkBounds(write)
    for (index, read) in footprint.reads.enumerated() {
      let (source, target) = (plan.buffers[read.buffer], plan.buffers[write.buffer])
      guard source.offset < target.offset + target.byteCount, target.offset < source.offset + source.byteCount
      else { continue }
      let isSafe =
        footprint.inPlace.contains(index) && source.offset == target.offset && read.layout == write.layout
      guard isSafe else { throw fault(.writesWhatItReads, target) }
    }
    stamps.write(blocks[write.buffer], step)
    residents[write.buffer] = Resident(
      content: contents[result.index], layout: write.layout, box: write.box, stamp: step)
  }

  /// The bytes of `read` hold `value`.
  private func check(_ read: MapAccess, of value: ValueID) throws(PlanFault) {
    try checkBounds(read)
    let buffer = plan.buffers[read.buffer]
    guard let resident = residents[read.buffer], resident.content == contents[value.index] else {
      let stamp = residents[read.buffer]?.stamp
      throw fault(.valueLost, buffer, memory: graph[value].name, overwrittenBy: stamp)
    }
    if let other = stamps.stamp(otherThan: resident.stamp, in: blocks[read.buffer]) {
      throw fault(.valueLost, buffer, memory: graph[value].name, overwrittenBy: other)
    }
    guard resident.layout == read.layout else { throw fault(.layout, buffer, memory: graph[value].name) }
    guard resident.box.contains(read.box) else { throw fault(.outsideMap, buffer, memory: graph[value].name) }
  }

  /// What is touched lies in the map, and the map in its buffer.
  private func checkBounds(_ access: MapAccess) throws(PlanFault) {
    guard plan.buffers.indices.contains(access.buffer) else {
      throw fault(.outsideBuffer, "\(access.buffer)")
    }
    let buffer = plan.buffers[access.buffer]
    guard let byteCount = access.layout.checkedByteCount, byteCount <= buffer.byteCount else {
      throw fault(.outsideBuffer, buffer)
    }
    guard access.layout.borderedPixels.contains(access.box) else { throw fault(.outsideMap, buffer) }
    if let reach = access.reach, !reach.fits(in: byteCount) {
      throw fault(.outsideBuffer, buffer, reach: reach)
    }
  }

  private func checkOwnMemory() throws(PlanFault) {
    // Packing is a part of the step that needs the weights.
    let own = footprint.own + (steps[step].step.resources.weights?.packing?.step.footprint.own ?? [])
    for access in own where !access.span.fits(in: access.byteCount) {
      throw PlanFault(
        .outsideBuffer, layer: plan.steps[step].layer, kernel: plan.steps[step].kernel, memory: access.name,
        offset: access.span.upper, byteCount: access.byteCount)
    }
  }

  /// The caller's memory of buffer `buffer` holds one image of `value` after the other.
  private func checkCaller(_ buffer: Int, of value: ValueID) throws(PlanFault) {
    let name = graph[value].name
    guard let access = footprint.caller, access.buffer == buffer,
      let count = graph[value].type.checkedElementCount,
      access.imageByteCount == ElementFormat.f32.byteCount(of: count),
      access.span.fits(in: access.imageByteCount)
    else { throw fault(.outsideBuffer, name) }
  }

  /// Every value is still there after the last step, as `compare` reads it.
  private mutating func findAllValues() throws(PlanFault) {
    // Both are in the graph's order.
    var index = 0
    for value in plan.values {
      while index < graph.values.count, !graph.values[index].name.utf8.elementsEqual(value.name.utf8) {
        index += 1
      }
      guard index < graph.values.count else { throw fault(.operands, value.name) }
      try check(MapAccess(value.buffer, value.layout, value.layout.pixels), of: ValueID(index))
    }
  }

  // MARK: Faults

  private func fault(
    _ kind: PlanFault.Kind, _ buffer: ExecutionPlan.BufferInfo, memory: String? = nil,
    reach: ByteSpan? = nil, overwrittenBy stamp: Int? = nil
  ) -> PlanFault {
    let writer = stamp.flatMap { plan.steps.indices.contains($0) ? plan.steps[$0].layer : nil }
    return PlanFault(
      kind, layer: plan.steps[step].layer, kernel: plan.steps[step].kernel, memory: memory ?? buffer.value,
      offset: buffer.offset.addingSaturated(reach?.lower ?? 0), byteCount: buffer.byteCount,
      overwrittenBy: writer)
  }

  private func fault(_ kind: PlanFault.Kind, _ memory: String) -> PlanFault {
    guard plan.steps.indices.contains(step) else { return PlanFault(kind, layer: memory, memory: memory) }
    return PlanFault(kind, layer: plan.steps[step].layer, kernel: plan.steps[step].kernel, memory: memory)
  }
}
