import FixresAssembler

extension DirectPlan {
  /// All memory that the step touches, where `reach` is what kernels of whole groups reach from a group's start, and
  /// `lastReach` those of the last group.
  func footprint(
    _ buffers: ConvolutionBuffers, groups reach: KernelReach, lastGroup lastReach: KernelReach,
    weights: PackedWeights, bias: AlignedBlock
  ) -> StepFootprint {
    var all = StepFootprint.convolution(descriptor, buffers)
    let last = window.firstBlocks.count - 1
    /// All groups, `step` bytes from each to the next.
    func groups(_ span: ByteSpan, _ lastSpan: ByteSpan, every step: Int, from start: Int = 0) -> ByteSpan {
      span.repeated(last, every: step).union(lastSpan.shifted(by: last * step)).shifted(by: start)
    }
    let (input, output) = (descriptor.input, descriptor.output)
    let sources = reach.source.union(lastReach.source)
    let (least, greatest) = (window.firstBlocks.min() ?? 0, window.firstBlocks.max() ?? 0)
    all.reads[0].reach = sources.repeated(2, every: (greatest - least) * input.planeByteStride)
      .shifted(
        by: input.originByteOffset + descriptor.firstTapByteOffset + least * input.planeByteStride)
    all.write?.reach = groups(
      reach.output, lastReach.output, every: tiling.blocks * output.planeByteStride,
      from: output.originByteOffset)
    if all.reads.count > 1, let residual = descriptor.residual {
      all.reads[1].reach = groups(
        reach.residual, lastReach.residual, every: tiling.blocks * residual.planeByteStride,
        from: residual.originByteOffset)
    }
    all.own = [
      OwnAccess(
        "weights", of: weights.layout.byteCount,
        groups(reach.weights, lastReach.weights, every: weightBytesPerGroup)),
      OwnAccess(
        "bias", of: bias.byteCount, groups(reach.bias, lastReach.bias, every: tiling.blocks * isa.byteCount)),
    ]
    return all
  }
}
