#if arch(x86_64)
  /// Kernels emitted for one vector instruction set of this machine.
  package struct MachineCodeProvider: KernelProvider {
    package let isa: VectorISA
    package let cpu: CPUFeatures
    package let cache: KernelCache
    /// Overrides the cost model, for tests and measurements.
    package var forced: ConvolutionAlgorithm?

    /// Off for `--exact`: every sum then has the order of the definition.
    package var allowsWinograd = true

    /// The provider of `level`; fails where code may not be executed.
    package init(_ level: VectorISA.Level) throws(ExecutableMemoryError) {
      cpu = try CPUFeatures.current.get()
      precondition(cpu.missing(for: level).isEmpty, "this processor does not run \(level.rawValue)")
      isa = VectorISA(level)
      cache = KernelCache(isa: isa)
    }

    package var name: String { isa.level.rawValue }
    package var block: Int { isa.lanes }

    package func convolution(
      _ descriptor: ConvolutionDescriptor, _ weights: ConvolutionWeights, _ buffers: ConvolutionBuffers,
      scratch: inout ScratchBuffers
    ) -> [KernelStep]? {
      guard descriptor.output.block == block else { return nil }
      let algorithm =
        forced ?? .choose(descriptor, isa, cpu, allowsWinograd: allowsWinograd)
      return switch algorithm {
      case .winograd(let tiling):
        try? WinogradStep.steps(descriptor, weights, buffers, tiling, cache, scratch: &scratch)
      case .direct(let tiling):
        (try? DirectStep.step(descriptor, weights, buffers, tiling, cache)).map { [$0] }
      }
    }
  }
#endif
