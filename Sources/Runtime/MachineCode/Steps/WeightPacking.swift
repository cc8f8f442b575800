import FixresAssembler

/// Packs `[O, I/groups, kh, kw]` weights as strip kernels read them.
package enum WeightPacking {
  /// What `direct` gives, in any format.
  package static func directLayout(
    _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow, blocks: Int, _ isa: VectorISA
  ) -> WeightLayout {
    let (inputs, groups) = (descriptor.input.block, descriptor.groups)
    return WeightLayout(
      name: "direct \(isa.lanes)x\(blocks), inputs by \(inputs), groups \(groups)",
      count: window.firstBlocks.count * window.weightRows * blocks * isa.lanes,
      format: descriptor.weightFormat)
  }

  /// `[group][input block][ky][kx][input channel][blocks * lanes output channels]`, zeros where nothing connects.
  package static func direct(
    _ parameters: LayerParameters, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    blocks: Int, cache: KernelCache
  ) throws(KernelRefusal) -> LayerWeights {
    let width = blocks * cache.isa.lanes
    let layout = directLayout(descriptor, window, blocks: blocks, cache.isa)
    if descriptor.groups > 1 {
      return try parameters.packed(layout, in: cache.weights) { packed in
        packGrouped(parameters.weights, descriptor, window, into: packed, width: width)
      }
    }
    let (input, output) = (descriptor.input, descriptor.output)
    return try parameters.packed(
      layout, in: cache.weights,
      hasGaps: input.channels % input.block != 0 || output.channels % width != 0
    ) { (cell) throws(KernelRefusal) in
      try DirectPacking.step(
        parameters.weights, descriptor, window, to: cell, layout: layout.name, width: width, cache: cache)
    }
  }

  /// Channels of several groups in one block: rare and small, hence the plain way; it gives dense weights as well.
  static func packGrouped(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    into packed: UnsafeMutablePointer<Float>, width: Int
  ) {
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let block = descriptor.input.block
    let inputsPerGroup = descriptor.input.channels / descriptor.groups
    let outputsPerGroup = descriptor.output.channels / descriptor.groups
    for (group, firstBlock) in window.firstBlocks.enumerated() {
      let target = packed + group * window.weightRows * width
      let firstInput = firstBlock * block
      for lane in 0..<min(width, descriptor.output.channels - group * width) {
        let channel = group * width + lane
        let first = channel / outputsPerGroup * inputsPerGroup
        let source = weights + channel * inputsPerGroup * taps
        for input in 0..<inputsPerGroup {
          let row = first + input - firstInput
          var to = target + (row / block * taps * block + row % block) * width + lane
          let from = source + input * taps
          for tap in 0..<taps {
            to.pointee = from[tap]
            to += block * width
          }
        }
      }
    }
  }

  /// Biases of whole groups of `width` channels; zeros where there are none.
  package static func bias(_ bias: UnsafePointer<Float>?, channels: Int, width: Int) -> AlignedBlock {
    let block = AlignedBlock(count: (channels + width - 1) / width * width, of: .f32)
    if let bias { block.floats.update(from: bias, count: channels) }
    return block
  }

  /// `offsets` in memory that a step can point to.
  static func block(_ offsets: [Int]) -> AlignedBlock {
    let block = AlignedBlock(byteCount: offsets.count * MemoryLayout<Int>.stride)
    block.base.bindMemory(to: Int.self, capacity: offsets.count).update(from: offsets, count: offsets.count)
    return block
  }
}

/// Packing of dense weights: items are groups of output blocks times slices of their rows.
private struct DirectPacking: BitwiseCopyable {
  var source: UnsafePointer<Float>
  var target: UnsafePointer<UnsafeRawPointer>
  var transpose: WeightTranspose
  /// Where in a group each weight of an output channel goes, in elements.
  var offsets: UnsafePointer<Int>
  /// Weights of an output channel.
  var rowCount: Int
  var width, outputs, slices: Int
  /// Floats of a packed group.
  var groupCount: Int

  /// Weights of a slice, a multiple of every vector.
  private static let sliceLength = 1024

  static func step(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    to target: UnsafePointer<UnsafeRawPointer>, layout: String, width: Int, cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let block = descriptor.input.block
    let rowCount = descriptor.input.channels * taps
    let offsets = WeightPacking.block(
      (0..<rowCount).map { row in
        let (input, tap) = (row / taps, row % taps)
        return ((input / block * taps + tap) * block + input % block) * width
      })
    let kernel = try WeightTranspose.kernel(cache)
    let slices = (rowCount + sliceLength - 1) / sliceLength
    let packing = DirectPacking(
      source: weights, target: target, transpose: WeightTranspose(kernel, cache.isa),
      offsets: UnsafePointer(offsets.base.assumingMemoryBound(to: Int.self)), rowCount: rowCount,
      width: width, outputs: descriptor.output.channels, slices: slices,
      groupCount: window.weightRows * width)
    return KernelStep(
      kernel: layout, function: function, copying: packing,
      footprint: packing.footprint(window, taps: taps, block: block),
      items: window.firstBlocks.count * slices,
      resources: StepResources(blocks: [offsets], kernels: [kernel]))
  }

  /// The model's weights, and the packed ones: the last weight of an output channel goes farthest into its group.
  private func footprint(_ window: ConvolutionWindow, taps: Int, block: Int) -> StepFootprint {
    let groups = window.firstBlocks.count
    let lastInput = rowCount / taps - 1
    let lastOffset =
      ((lastInput / block * taps + taps - 1) * block + lastInput % block) * width
    let lastLanes = min(width, outputs - (groups - 1) * width)
    let bytes = ElementFormat.f32.byteCount
    let floats = ByteSpan(0, bytes)
    let group = floats.repeated(lastOffset + width, every: bytes)
    return .own([
      OwnAccess(
        "model's weights", of: outputs * rowCount * bytes,
        floats.repeated(lastLanes, every: rowCount * bytes).repeated(rowCount, every: bytes)
          .shifted(by: (groups - 1) * width * rowCount * bytes)),
      OwnAccess(
        "packed weights", of: groups * groupCount * bytes, group.repeated(groups, every: groupCount * bytes)),
    ])
  }

  private static let function: StepFunction = { arguments, _, begin, end, _ in
    let packing = UnsafePointer(arguments.assumingMemoryBound(to: DirectPacking.self)).pointee
    let target = UnsafeMutableRawPointer(mutating: packing.target.pointee)
      .assumingMemoryBound(to: Float.self)
    for item in begin..<end { packing.run(item, target) }
  }

  private func run(_ item: Int, _ target: UnsafeMutablePointer<Float>) {
    let (group, slice) = (item / slices, item % slices)
    let first = slice * Self.sliceLength
    transpose(
      source + (group * width * rowCount + first), rowLength: rowCount,
      columns: min(Self.sliceLength, rowCount - first), lanes: min(width, outputs - group * width),
      target + group * groupCount, offsets + first)
  }
}
