import FixresBase
import FixresIR

extension Lowering {
  /// Chooses a kernel for every node; the buffers lie where `placement` puts them. Nil where the kernels would take more
  /// code than a plan may have.
  mutating func makePlan(
    _ outputs: [ValueID], _ placement: MemoryPlanner.Placement, available: Int, pool: ThreadPool
  ) throws(RuntimeError) -> ExecutionPlan? {
    steps.append(step("input", try loadStep(graph.inputs[0], from: requests.count)))
    guard try appendNodes(pool) else { return nil }
    let scratch = ExecutionPlan.scratchByteCount(steps.lazy.map(\.step))
      .multipliedSaturated(pool.threadCount)
    // Weights that nothing has been written to yet: this is the time to refuse them.
    let packed = steps.reduce(0) { $0 + ($1.step.resources.weights?.packed.ownByteCount ?? 0) }
    let needed = placement.byteCount.addingSaturated(scratch).addingSaturated(packed)
    guard needed <= available, AlignedBlock.isGranted(byteCount: placement.byteCount.addingSaturated(scratch))
    else { throw .planTooLarge(needed: needed, available: available) }
    let inputBuffer = requests.count
    let outputBuffers = outputs.indices.map { inputBuffer + 1 + $0 }
    for (index, output) in outputs.enumerated() {
      steps.append(step("output", try storeStep(output, to: outputBuffers[index])))
    }
    return ExecutionPlan(
      backend: backend.name, pages: backend.pages, steps: steps, buffers: bufferInfos(placement),
      values: valueInfos(), arenaByteCount: placement.byteCount, inputBuffer: inputBuffer,
      outputBuffers: outputBuffers)
  }

  /// Appends the steps of all nodes; false where they take more code than a plan may have.
  private mutating func appendNodes(_ pool: ThreadPool) throws(RuntimeError) -> Bool {
    guard let lowered = try lowerNodes(pool) else { return false }
    steps.reserveCapacity(lowered.count + 3)
    for made in lowered {
      if let step = made.step { steps.append((info(made.node, step), step)) }
    }
    return true
  }

  /// Copies the caller's pictures into the layout of `input`.
  private func loadStep(_ input: ValueID, from source: Int) throws(RuntimeError) -> KernelStep {
    let (layout, target) = (layout(input), buffer(input))
    if portable.supports(layout.format) {
      return LoadInput.step(source: source, target: target, layout: layout)
    }
    do { return try backend.load(layout, source: source, target: target) } catch {
      throw .unsupported(value: graph[input].name, operation: "input", reason: error.reason)
    }
  }

  /// Copies `output` out of its layout to the caller's memory.
  private func storeStep(_ output: ValueID, to target: Int) throws(RuntimeError) -> KernelStep {
    let (layout, source) = (layout(output), buffer(output))
    if portable.supports(layout.format) {
      return StoreOutput.step(source: source, target: target, layout: layout)
    }
    do { return try backend.store(layout, source: source, target: target) } catch {
      throw .unsupported(value: graph[output].name, operation: "output", reason: error.reason)
    }
  }

  /// A node to lower, and what came of it.
  private struct NodeLowering {
    var node: Node
    var step: KernelStep?
    var error: RuntimeError?
  }

  /// Lowers all nodes, several at a time; nil where their kernels take more code than a plan may have.
  private func lowerNodes(_ pool: ThreadPool) throws(RuntimeError) -> [NodeLowering]? {
    let code = CodeTally()
    var jobs: [NodeLowering] = []
    for (_, node) in batchedNodes where !sharesOnly(node) { jobs.append(NodeLowering(node: node)) }
    let queue = WorkQueue(count: jobs.count)
    jobs.withUnsafeMutableBufferPointer { jobs in
      nonisolated(unsafe) let jobs = jobs
      pool.forEach(queue) { position in
        guard !code.isExceeded else { return }
        do throws(RuntimeError) {
          jobs[position].step = try kernel(jobs[position].node)
          if let kernels = jobs[position].step?.resources.kernels { code.add(kernels) }
        } catch {
          jobs[position].error = error
        }
      }
    }
    if let error = jobs.lazy.compactMap(\.error).first { throw error }
    return code.isExceeded ? nil : jobs
  }

  /// True for a node that has no step: its result is its operand.
  func sharesOnly(_ node: Node) -> Bool {
    switch node.op.computation {
    case .copy: true
    case .flatten: node.operands.first.map { root($0) == root(node.result) } ?? false
    case .elementwise, .batchNorm, .sum, .product, .channelProduct, .convolution, .linear, .pool,
      .globalPool, .generalizedMean, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }

  private func step(
    _ layer: String, _ step: KernelStep
  ) -> (info: ExecutionPlan.StepInfo, step: KernelStep) {
    (ExecutionPlan.StepInfo(layer: layer, kernel: step.kernel, macs: 0), step)
  }

  private func info(_ node: Node, _ step: KernelStep) -> ExecutionPlan.StepInfo {
    ExecutionPlan.StepInfo(
      layer: graph[node.result].name, kernel: step.kernel, macs: graph.multiplyAccumulates(of: node),
      chosenBy: step.chosenBy, specification: step.specification, refusal: step.refusal)
  }

  private func bufferInfos(_ placement: MemoryPlanner.Placement) -> [ExecutionPlan.BufferInfo] {
    requests.indices.map { index in
      ExecutionPlan.BufferInfo(
        value: requestNames[index], offset: placement.offsets[index], byteCount: requests[index].byteCount,
        firstStep: requests[index].first, lastStep: requests[index].last)
    }
  }

  private func valueInfos() -> [ExecutionPlan.ValueInfo] {
    graph.values.enumerated().compactMap { index, value in
      guard roots[index] != nil else { return nil }
      let id = ValueID(index)
      return ExecutionPlan.ValueInfo(
        name: value.name, dims: value.type.dims, buffer: buffer(id), layout: layout(id))
    }
  }

  /// The step of one node; nil for a node whose result is its operand.
  private func kernel(_ node: Node) throws(RuntimeError) -> KernelStep? {
    guard let first = node.operands.first, graph[first].type.batched else {
      throw .unsupported(
        value: graph[node.result].name, operation: node.op.mnemonic, reason: "its first operand has no batch")
    }
    let (source, target) = (buffer(first), buffer(node.result))
    let (input, output) = (layout(first), layout(node.result))
    switch node.op.computation {
    case .copy: return nil
    case .convolution(let op): return try convolution(op, node)
    case .linear(let op): return try linear(op, node)
    case .pool(let window, let reduction): return try pooling(window, reduction, node)
    case .globalPool(let reduction): return try globalPooling(reduction, node)
    case .elementwise(let op):
      return try portableStep(node) {
        ElementwiseStep.step(op, source: source, target: target, input: input, output: output)
      }
    case .batchNorm(let op):
      return try portableStep(node) { () throws(RuntimeError) in try batchNorm(op, node) }
    case .sum: return try portableStep(node) { () throws(RuntimeError) in try binary(.add, node) }
    case .product: return try portableStep(node) { () throws(RuntimeError) in try binary(.multiply, node) }
    case .channelProduct:
      return try portableStep(node) { () throws(RuntimeError) in try binary(.channelMultiply, node) }
    case .concat: return try portableStep(node) { concat(node) }
    case .reflectPad(let op):
      return try portableStep(node) {
        ReflectPadStep.step(op, source: source, target: target, input: input, output: output)
      }
    case .generalizedMean(let op):
      return try portableStep(node) {
        GeneralizedMeanStep.step(op, source: source, target: target, input: input, output: output)
      }
    case .flatten:
      return try portableStep(node) {
        Gather.step(source: source, target: target, input: input, output: output, flattens: true)
      }
    case .stridedSlice(let op):
      return try portableStep(node) {
        Gather.step(
          source: source, target: target, input: input, output: output, strideY: op.strides.height,
          strideX: op.strides.width)
      }
    case .channelPad(let op):
      return try portableStep(node) {
        Gather.step(source: source, target: target, input: input, output: output, before: op.before)
      }
    case .softmax(let isLogarithm):
      return try portableStep(node) {
        SoftmaxStep.step(
          source: source, target: target, input: input, output: output, isLogarithm: isLogarithm)
      }
    }
  }
}
