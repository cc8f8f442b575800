import FixresAssembler
import FixresBase

/// Kernels emitted for one vector instruction set of this machine.
package struct MachineCodeBackend: Backend {
  package let isa: VectorISA
  package let cpu: CPUFeatures
  package let cache: KernelCache
  /// Overrides the cost model, for tests and measurements.
  package var forced: ConvolutionAlgorithm?

  /// Off for `--exact`: every sum then has the order of the definition.
  package var allowsWinograd: Bool

  /// The backend of `level`.
  ///
  /// - Throws: the system's refusal of executable memory.
  package init(_ level: VectorISA.Level, allowsWinograd: Bool = true) throws(ExecutableMemoryError) {
    let cpu = try CPUFeatures.current.get()
    precondition(cpu.missing(for: level).isEmpty, "this processor does not run \(level.rawValue)")
    self.init(level, cpu: cpu, allowsWinograd: allowsWinograd)
  }

  /// The backend of `level` on the processor that `cpu` describes; its kernels run only where this one is such.
  package init(_ level: VectorISA.Level, cpu: CPUFeatures, allowsWinograd: Bool = true) {
    (self.cpu, self.allowsWinograd) = (cpu, allowsWinograd)
    isa = VectorISA(level)
    cache = KernelCache(isa: isa)
  }

  package var name: String { isa.level.rawValue }
  package var block: Int { isa.lanes }
  package var pages: LargePages { cache.weights.pages }
  package var processor: String { cpu.identity }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String? = nil
  ) throws(KernelRefusal) -> KernelStep {
    try requireBlocks(descriptor.output)
    guard !descriptor.isDilated else { throw .uncovered("the taps of its kernel lie apart") }
    let rows = descriptor.kernelHeight + StripKernel.largestTile(isa, blocks: 1) * descriptor.strideHeight
    try requireReach(of: descriptor.input, blocks: 1, rows: rows)
    for layout in [descriptor.output, descriptor.residual ?? descriptor.output] {
      try requireReach(of: layout, blocks: Self.mostGroupBlocks, rows: rows)
    }
    if forced == nil, NarrowGroupKernel.applies(to: descriptor, isa) {
      return try DirectStep.narrowGroups(descriptor, weights, buffers, cache: cache)
    }
    var algorithm =
      forced ?? .choose(descriptor, isa, cpu, allowsWinograd: allowsWinograd)
    var decision = KernelDecision.costModel
    if let tuned, forced == nil {
      let space = KernelSpace(descriptor, isa, l2ByteCount: cpu.l2ByteCount, basis: algorithm)
      let fitting = space.algorithm(specified: tuned)
      decision = fitting == nil ? .misfit : .tuned
      algorithm = fitting ?? algorithm
    }
    if case .winograd(let tiling) = algorithm {
      let plan = WinogradPlan(descriptor, tiling, isa)
      try requireReach(of: max(plan.transformedByteCount, plan.productByteCount))
    }
    var step =
      switch algorithm {
      case .winograd(let tiling):
        try WinogradStep.step(descriptor, weights, buffers, tiling: tiling, cache: cache)
      case .direct(let tiling):
        try DirectStep.step(descriptor, weights, buffers, tiling: tiling, cache: cache)
      }
    (step.chosenBy, step.specification) = (decision, algorithm.specification)
    return step
  }

  /// Refuses layouts whose channel blocks are not whole vectors.
  private func requireBlocks(_ layouts: TensorLayout...) throws(KernelRefusal) {
    for layout in layouts where layout.block != block {
      throw .uncovered("channel blocks of \(layout.block), vectors of \(block)")
    }
  }

  /// Refuses a distance, nil for one beyond `Int`, that the 32-bit displacements and immediates of emitted code cannot
  /// hold. The assembler finds those that are missed here.
  private func requireReach(of distance: Int?) throws(KernelRefusal) {
    guard let distance, distance <= Int(Int32.max) else {
      throw .uncovered("distances of \(distance ?? .max) bytes in a map")
    }
  }

  /// The same for a map of which a kernel reaches `blocks` channel blocks and `rows` rows.
  private func requireReach(
    of layout: TensorLayout, blocks: Int, rows: Int
  ) throws(KernelRefusal) {
    let planes = layout.planeByteStride.multipliedChecked(min(blocks, layout.blockCount))
    try requireReach(of: layout.rowByteStride.multipliedChecked(rows).flatMap { planes?.addingChecked($0) })
  }

  /// Channel blocks that no group of a kernel exceeds.
  private static let mostGroupBlocks = 4

  package func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] {
    guard descriptor.output.block == block, !descriptor.isDilated,
      !NarrowGroupKernel.applies(to: descriptor, isa)
    else {
      return []
    }
    let basis = ConvolutionAlgorithm.choose(descriptor, isa, cpu, allowsWinograd: allowsWinograd)
    let space = KernelSpace(descriptor, isa, l2ByteCount: cpu.l2ByteCount, basis: basis)
    let centre = choice.flatMap(space.algorithm(specified:)) ?? basis
    return space.neighbours(of: centre).map(\.specification)
  }

  package func pooling(
    _ descriptor: PoolingDescriptor, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    try requireBlocks(descriptor.input, descriptor.output)
    try requireReach(of: max(descriptor.input.rowByteStride, descriptor.output.rowByteStride))
    // A window that lies in the padding alone has no pixel to start from.
    let width = descriptor.input.width
    let (before, kernel) = (descriptor.padding.left, descriptor.kernelWidth)
    guard before < kernel, (descriptor.output.width - 1) * descriptor.strideWidth - before < width,
      descriptor.padding.top < descriptor.kernelHeight,
      (descriptor.output.height - 1) * descriptor.strideHeight - descriptor.padding.top
        < descriptor.input.height
    else { throw .uncovered("a window lies in the padding alone") }
    return try PoolStep.step(descriptor, source: source, target: target, cache)
  }

  package func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    try requireBlocks(descriptor.input, descriptor.output)
    try requireReach(of: descriptor.input, blocks: Self.mostGroupBlocks, rows: 1)
    return try GlobalPoolStep.step(descriptor, source: source, target: target, cache)
  }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    try requireBlocks(descriptor.input, descriptor.output)
    guard descriptor.input.border == .none, descriptor.output.border == .none else {
      throw .uncovered("a border around a vector")
    }
    let images = StripKernel.largestTile(isa, blocks: 1)
    let image = max(descriptor.input.imageByteCount, descriptor.output.imageByteCount)
    try requireReach(of: image.multipliedChecked(images))
    return try LinearStep.step(descriptor, weights, source: source, target: target, cache)
  }
}
