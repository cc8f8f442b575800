#if arch(x86_64)
  /// Packs `[O, I/groups, kh, kw]` weights as strip kernels read them.
  package enum WeightPacking {
    /// `[group][input block][ky][kx][input channel][blocks * lanes output channels]`, zeros where nothing connects.
    package static func direct(
      _ parameters: ConvolutionWeights, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
      blocks: Int, _ cache: KernelCache
    ) throws(ExecutableMemoryError) -> PackedWeights {
      let width = blocks * cache.isa.lanes
      let layout = "direct \(cache.isa.lanes)x\(blocks), inputs by \(descriptor.input.block), "
      return try parameters.packed(
        layout + "groups \(descriptor.groups)", count: window.firstBlocks.count * window.weightRows * width,
        cache.weights
      ) { (packed) throws(ExecutableMemoryError) in
        if descriptor.groups > 1 {
          packGrouped(parameters.weights, descriptor, window, packed, width: width)
        } else {
          try packDense(parameters.weights, descriptor, window, packed, width: width, cache)
        }
      }
    }

    private static func packDense(
      _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
      _ packed: UnsafeMutablePointer<Float>, width: Int, _ cache: KernelCache
    ) throws(ExecutableMemoryError) {
      let taps = descriptor.kernelHeight * descriptor.kernelWidth
      let block = descriptor.input.block
      let rowCount = descriptor.input.channels * taps
      let places = (0..<rowCount).map { row in
        let (input, tap) = (row / taps, row % taps)
        return ((input / block * taps + tap) * block + input % block) * width
      }
      let outputs = descriptor.output.channels
      let transpose = try WeightTranspose(cache)
      places.withUnsafeBufferPointer { places in
        for group in window.firstBlocks.indices {
          transpose(
            weights + group * width * rowCount, rowLength: rowCount, columns: rowCount,
            lanes: min(width, outputs - group * width), packed + group * window.weightRows * width, places)
        }
      }
    }

    /// Channels of several groups in one block: rare and small, hence the plain way.
    private static func packGrouped(
      _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
      _ packed: UnsafeMutablePointer<Float>, width: Int
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
    }

    /// Biases of whole groups of `width` channels; zeros where there are none.
    package static func bias(_ bias: UnsafePointer<Float>?, channels: Int, width: Int) -> AlignedBlock {
      let block = AlignedBlock(floatCount: (channels + width - 1) / width * width)
      if let bias { block.floats.update(from: bias, count: channels) }
      return block
    }
  }
#endif
