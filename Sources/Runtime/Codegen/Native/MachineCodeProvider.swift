#if arch(x86_64)
  /// Kernels emitted for one vector instruction set of this machine.
  package struct MachineCodeProvider: KernelProvider {
    package let isa: VectorISA
    package let cpu: CPUFeatures
    package let cache: KernelCache

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
      let tiling = ConvolutionTiling.choose(descriptor, isa, l2ByteCount: cpu.l2ByteCount)
      guard let step = try? DirectStep.step(descriptor, weights, buffers, tiling, cache) else { return nil }
      return [step]
    }
  }
#endif
