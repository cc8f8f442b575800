import FixresAssembler

/// Kernels emitted for one vector instruction set of this machine.
package struct MachineCodeBackend: Backend {
  package let isa: VectorISA
  package let cpu: CPUFeatures
  package let cache: KernelCache
  /// Overrides the cost model, for tests and measurements.
  package var forced: ConvolutionAlgorithm?

  /// Off for `--exact`: every sum then has the order of the definition.
  package var allowsWinograd = true

  /// The backend of `level`; fails where code may not be executed.
  package init(_ level: VectorISA.Level) throws(ExecutableMemoryError) {
    cpu = try CPUFeatures.current.get()
    precondition(cpu.missing(for: level).isEmpty, "this processor does not run \(level.rawValue)")
    isa = VectorISA(level)
    cache = KernelCache(isa: isa)
  }

  package var name: String { isa.level.rawValue }
  package var block: Int { isa.lanes }
  package var pages: LargePages { cache.weights.pages }
  package var processor: String { cpu.identity }

  package func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String?
  ) -> [KernelStep]? {
    guard descriptor.output.block == block else { return nil }
    if forced == nil, NarrowGroupKernel.applies(to: descriptor, isa) {
      return (try? DirectStep.narrowGroups(descriptor, weights, buffers, cache)).map { [$0] }
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
    let step: KernelStep? =
      switch algorithm {
      case .winograd(let tiling): try? WinogradStep.step(descriptor, weights, buffers, tiling, cache)
      case .direct(let tiling): try? DirectStep.step(descriptor, weights, buffers, tiling, cache)
      }
    guard var step else { return nil }
    step.chosenBy = decision
    return [step]
  }

  package func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] {
    guard descriptor.output.block == block, !NarrowGroupKernel.applies(to: descriptor, isa) else {
      return []
    }
    let basis = ConvolutionAlgorithm.choose(descriptor, isa, cpu, allowsWinograd: allowsWinograd)
    let space = KernelSpace(descriptor, isa, l2ByteCount: cpu.l2ByteCount, basis: basis)
    let centre = choice.flatMap(space.algorithm(specified:)) ?? basis
    return space.neighbours(of: centre).map(\.specification)
  }

  package func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep? {
    guard descriptor.input.block == block, descriptor.output.block == block else { return nil }
    // A window that lies in the padding alone has no pixel to start from.
    let width = descriptor.input.width
    let (before, kernel) = (descriptor.padding.left, descriptor.kernelWidth)
    guard before < kernel, (descriptor.output.width - 1) * descriptor.strideWidth - before < width,
      descriptor.padding.top < descriptor.kernelHeight,
      (descriptor.output.height - 1) * descriptor.strideHeight - descriptor.padding.top
        < descriptor.input.height
    else { return nil }
    return try? PoolStep.step(descriptor, source: source, target: target, cache)
  }

  package func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) -> KernelStep? {
    guard descriptor.input.block == block, descriptor.output.block == block else { return nil }
    return try? GlobalPoolStep.step(descriptor, source: source, target: target, cache)
  }

  package func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) -> KernelStep? {
    guard descriptor.input.block == block, descriptor.output.block == block,
      descriptor.input.border == .none, descriptor.output.border == .none
    else { return nil }
    return try? LinearStep.step(descriptor, weights, source: source, target: target, cache)
  }
}
