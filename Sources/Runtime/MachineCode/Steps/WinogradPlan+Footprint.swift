import FixresAssembler

extension WinogradPlan {
  /// All memory that the step touches: maps, packed weights, biases, and in scratch memory the transformed input and the
  /// products behind it. `product` is the kernel of whole chunks and groups; those of fewer rows or blocks reach less.
  func footprint(
    _ buffers: ConvolutionBuffers, weights: PackedWeights, bias: AlignedBlock, product: KernelReach
  ) -> StepFootprint {
    var all = StepFootprint.convolution(descriptor, buffers)
    let (input, output) = (descriptor.input, descriptor.output)
    let (scheme, lastRow) = (tiling.scheme, tileRows - 1)
    let lastRows = output.height - lastRow * scheme.outputSide
    let (whole, last) = (
      inputKernel(validRows: scheme.inputSide).reach,
      inputKernel(validRows: validInputs(output.height, tileRows)).reach
    )
    /// Every tile row of a map; `span` is that of a row, `lastSpan` of the last one.
    func map(_ span: ByteSpan, _ lastSpan: ByteSpan, _ layout: TensorLayout, every rows: Int, from start: Int)
      -> ByteSpan
    {
      span.repeated(lastRow, every: rows * layout.rowByteStride)
        .union(lastSpan.shifted(by: lastRow * rows * layout.rowByteStride))
        .repeated(layout.blockCount, every: layout.planeByteStride)
        .shifted(by: layout.originByteOffset + start)
    }
    all.reads[0].reach = map(
      whole.source, last.source, input, every: scheme.inputStep, from: descriptor.firstTapByteOffset)
    let (wholeOutput, lastOutput) = (
      outputKernel(validRows: scheme.outputSide).reach, outputKernel(validRows: lastRows).reach
    )
    all.write?.reach = map(wholeOutput.output, lastOutput.output, output, every: scheme.outputSide, from: 0)
    if all.reads.count > 1, let residual = descriptor.residual {
      all.reads[1].reach = map(
        wholeOutput.residual, lastOutput.residual, residual, every: scheme.outputSide, from: 0)
    }
    let tileRow = tileColumns * isa.byteCount
    func chunk(_ span: ByteSpan, blocks: Int) -> ByteSpan {
      span.repeated(rowsPerChunk, every: tileRow).repeated(blocks, every: blockByteCount)
    }
    all.own = [
      OwnAccess(
        "transformed input", of: transformedByteCount,
        chunk(whole.output.union(last.output), blocks: input.blockCount)
          .union(product.source.repeated(components, every: inputComponent))),
      OwnAccess(
        "products", of: productByteCount,
        chunk(wholeOutput.source.union(lastOutput.source), blocks: tiling.blocks)
          .union(product.output.repeated(components, every: outputComponent))),
      OwnAccess(
        "weights", of: weights.layout.byteCount,
        product.weights.repeated(scheme.weightComponents, every: weightBytesPerProduct)
          .repeated(groupCount, every: scheme.weightComponents * weightBytesPerProduct)),
      OwnAccess(
        "bias", of: bias.byteCount, wholeOutput.bias.repeated(output.blockCount, every: isa.byteCount)),
    ]
    return all
  }
}
