/// Packs `[O, I/groups, kh, kw]` weights as strip kernels read them.
package enum WeightPacking {
  /// `[group][input block][ky][kx][input channel][blocks * lanes output channels]`, zeros where nothing connects.
  package static func direct(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    lanes: Int, blocks: Int
  ) -> AlignedBlock {
    let width = blocks * lanes
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let block = descriptor.input.block
    let inputsPerGroup = descriptor.input.channels / descriptor.groups
    let outputsPerGroup = descriptor.output.channels / descriptor.groups
    let packed = AlignedBlock(floatCount: window.firstBlocks.count * window.weightRows * width)
    for (group, firstBlock) in window.firstBlocks.enumerated() {
      let target = packed.floats + group * window.weightRows * width
      let firstInput = firstBlock * block
      for lane in 0..<min(width, descriptor.output.channels - group * width) {
        let channel = group * width + lane
        let first = channel / outputsPerGroup * inputsPerGroup
        let source = weights + channel * inputsPerGroup * taps
        for input in 0..<inputsPerGroup {
          let place = first + input - firstInput
          var to = target + (place / block * taps * block + place % block) * width + lane
          let from = source + input * taps
          for tap in 0..<taps {
            to.pointee = from[tap]
            to += block * width
          }
        }
      }
    }
    return packed
  }

  /// Biases of whole groups of `width` channels; zeros where there are none.
  package static func bias(_ bias: UnsafePointer<Float>?, channels: Int, width: Int) -> AlignedBlock {
    let block = AlignedBlock(floatCount: (channels + width - 1) / width * width)
    if let bias { block.floats.update(from: bias, count: channels) }
    return block
  }
}
