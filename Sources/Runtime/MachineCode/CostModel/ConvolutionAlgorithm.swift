import FixresAssembler

/// How a convolution is computed.
package enum ConvolutionAlgorithm: Hashable, Sendable {
  case direct(ConvolutionTiling)
  case winograd(WinogradTiling)
}

extension ConvolutionAlgorithm {
  /// Figures of the choice between algorithms, in cycles and bytes.
  enum Cost {
    /// Bytes a cycle at which weights arrive that no cache holds; in a whole pass that is all of them. Measured: 24 to
    /// 27 GB/s at 3.7 GHz for one core with prefetching. Two cores share 40 GB/s; still F(4x4) of 256@14 makes a whole
    /// pass 2 % faster than F(2x2), whose weights are less than half, on one core and on two.
    static let coldBytesPerCycle = 6.5
    /// Cycles to transform a tile of one channel block, input and output together, by scheme.
    static let transformCycles: [WinogradScheme: Double] = [.f2: 70, .f4: 190, .polyphase2: 100]
    /// Winograd must win by this much: it rounds differently and needs room for transformed tensors.
    static let winogradAdvantage = 1.08
    /// The L2 that the choice of an algorithm reckons with.
    static let nominalL2ByteCount = 1 << 20
    /// Transformed input and products of a chunk that stay in L2 beside the weights that stream through it.
    static let chunkShareOfL2 = 0.75
  }

  /// The algorithm with the least estimated time, cut for `cpu`; which one it is depends on the layer and the ISA
  /// alone, never on the caches, the batch or the number of threads, so that results have the same bits whatever
  /// those are.
  package static func choose(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, _ cpu: CPUFeatures, allowsWinograd: Bool
  ) -> ConvolutionAlgorithm {
    if allowsWinograd, let scheme = winogradScheme(descriptor, isa) {
      return .winograd(WinogradTiling.choose(descriptor, isa, scheme, l2ByteCount: cpu.l2ByteCount))
    }
    // Blocks of grouped channels decide which zeros are added along, and where sums are split.
    let l2ByteCount = descriptor.groups > 1 ? Cost.nominalL2ByteCount : cpu.l2ByteCount
    return .direct(ConvolutionTiling.choose(descriptor, isa, l2ByteCount: l2ByteCount).tiling)
  }

  /// The scheme that beats the direct kernels on a processor with an ordinary L2; nil where none does.
  private static func winogradScheme(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA
  ) -> WinogradScheme? {
    let l2ByteCount = Cost.nominalL2ByteCount
    let direct = ConvolutionTiling.choose(descriptor, isa, l2ByteCount: l2ByteCount)
    let bytes = Double(
      descriptor.weightFormat.byteCount(of: descriptor.input.channels * descriptor.output.channels))
    var best = max(direct.cycles, bytes * 9 / Cost.coldBytesPerCycle) / Cost.winogradAdvantage
    var choice: WinogradScheme?
    for scheme in [WinogradScheme.f4, .f2, .polyphase2]
    where WinogradTiling.applies(scheme, to: descriptor, isa) {
      let tiling = WinogradTiling.choose(descriptor, isa, scheme, l2ByteCount: l2ByteCount)
      let cycles = max(
        WinogradTiling.cycles(descriptor, isa, tiling),
        bytes * Double(scheme.weightComponents) / Cost.coldBytesPerCycle)
      if cycles < best { (best, choice) = (cycles, scheme) }
    }
    return choice
  }
}
