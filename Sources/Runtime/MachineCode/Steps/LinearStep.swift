import FixresAssembler

/// A fully connected layer at run time: a strip kernel whose pixels are the images of the batch.
///
/// Items are groups of output blocks of the whole batch, so that weights are read once.
struct LinearStep: BitwiseCopyable {
  var source, target: Int
  var inputImage, outputImage: Int
  var groupCount: Int
  /// Where the weights' address is found.
  var weights: UnsafePointer<UnsafeRawPointer>
  var bias: UnsafeRawPointer
  /// Bytes from a group to the next, of weights, of the output and of biases.
  var weightsPerGroup, outputPerGroup, biasPerGroup: Int
  /// Entry points by images at once, 1 to `mostImages`, for whole groups and then for the last one.
  var kernels: UnsafePointer<UnsafeRawPointer>
  var mostImages: Int

  static func step(
    _ descriptor: LinearDescriptor, _ parameters: LayerParameters, source: Int, target: Int,
    _ cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let (input, output, isa) = (descriptor.input, descriptor.output, cache.isa)
    let blocks = min(4, output.blockCount)
    // A classifier is a 1x1 convolution of a 1x1 map.
    let convolution = ConvolutionDescriptor(input: input, output: output, kernelHeight: 1, kernelWidth: 1)
    let window = ConvolutionWindow(convolution, isa, blocks: blocks)
    let packed = try WeightPacking.direct(parameters, convolution, window, blocks: blocks, cache: cache)
    let width = blocks * isa.lanes
    let bias = WeightPacking.bias(parameters.bias, channels: output.channels, width: width)
    let mostImages = StripKernel.largestTile(isa, blocks: blocks)
    let table = AlignedBlock(byteCount: 2 * mostImages * MemoryLayout<UnsafeRawPointer>.stride)
    let kernels = table.base.bindMemory(to: UnsafeRawPointer.self, capacity: 2 * mostImages)
    var resources = StepResources(blocks: [bias, table], weights: packed)
    let remainder = output.blockCount % blocks
    for (index, count) in [blocks, remainder == 0 ? blocks : remainder].enumerated() {
      for images in 1...mostImages {
        let kernel = try cache.kernel(
          .strip(
            StripKernel(
              isa: isa, bodyRows: input.block / input.format.group,
              loops: [ReductionLoop(count: input.blockCount, sourceStep: input.planeByteStride)],
              segments: [StripSegment(columns: images, count: 1)], blocks: count,
              source: PixelSteps(column: input.imageByteCount, row: 0),
              output: PixelSteps(column: output.imageByteCount, row: 0, block: output.planeByteStride),
              weightBlocks: blocks, sourceRowByteCount: input.format.groupByteCount)))
        kernels[index * mostImages + images - 1] = kernel.entry
        resources.kernels.append(kernel)
      }
    }
    let groups = window.firstBlocks.count
    let step = LinearStep(
      source: source, target: target, inputImage: input.imageByteCount,
      outputImage: output.imageByteCount,
      groupCount: groups, weights: packed.packed.addressCell, bias: UnsafeRawPointer(bias.base),
      weightsPerGroup: window.groupByteCount, outputPerGroup: blocks * output.planeByteStride,
      biasPerGroup: blocks * isa.byteCount,
      kernels: kernels, mostImages: mostImages)
    return KernelStep(
      kernel: "linear-1x\(blocks)-\(isa.level.rawValue)", function: function, copying: step,
      footprint: step.footprint(descriptor, resources.kernels, packed.packed, bias: bias), items: groups,
      itemsCoverBatch: true, resources: resources)
  }

  /// `kernels` are those of `table`, in its order.
  private func footprint(
    _ descriptor: LinearDescriptor, _ kernels: [any ListedKernel], _ weights: PackedWeights,
    bias: AlignedBlock
  ) -> StepFootprint {
    var footprint = StepFootprint.vector(source, descriptor.input, to: target, descriptor.output)
    func reach(_ images: Int, last: Bool) -> KernelReach {
      let kernel = kernels[(last ? mostImages : 0) + images - 1] as? EmittedKernel
      return kernel?.description.reach() ?? KernelReach()
    }
    func groups(_ span: ByteSpan, _ lastSpan: ByteSpan, every step: Int) -> ByteSpan {
      span.repeated(groupCount - 1, every: step).union(lastSpan.shifted(by: (groupCount - 1) * step))
    }
    let (one, last) = (reach(1, last: false), reach(1, last: true))
    footprint.reads[0].reach = one.source.union(last.source)
    footprint.write?.reach = groups(one.output, last.output, every: outputPerGroup)
    let (all, lastAll) = (reach(mostImages, last: false), reach(mostImages, last: true))
    footprint.own = [
      OwnAccess(
        "weights", of: weights.layout.byteCount, groups(one.weights, last.weights, every: weightsPerGroup)),
      OwnAccess("bias", of: bias.byteCount, groups(one.bias, last.bias, every: biasPerGroup)),
      OwnAccess("images read", of: mostImages * inputImage, all.source.union(lastAll.source)),
      OwnAccess(
        "images written", of: mostImages * outputImage,
        groups(all.output, lastAll.output, every: outputPerGroup)),
    ]
    return footprint
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: LinearStep.self))
    for group in begin..<end { step.pointee.run(RunContext.at(context), group) }
  }

  private func run(_ context: RunContext, _ group: Int) {
    let entries = kernels + (group &+ 1 == groupCount ? mostImages : 0)
    var image = 0
    while image < context.batch {
      let count = min(mostImages, context.batch &- image)
      let output = context.buffers[target] + (image &* outputImage &+ group &* outputPerGroup)
      let groupWeights = weights.pointee + group &* weightsPerGroup
      var arguments = StripArguments(
        source: UnsafeRawPointer(context.buffers[source]) + image &* inputImage, output: output,
        weights: groupWeights, bias: bias + group &* biasPerGroup, residual: bias, prefetch: groupWeights)
      unsafeBitCast(entries[count &- 1], to: KernelFunction.self)(&arguments)
      image &+= count
    }
  }
}
