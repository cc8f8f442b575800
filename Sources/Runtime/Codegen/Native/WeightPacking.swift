/// Packs `[O, I/groups, kh, kw]` weights as strip kernels read them.
package enum WeightPacking {
  /// `[group][input block][ky][kx][input channel][blocks * lanes output channels]`, zeros where nothing connects.
  package static func direct(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    lanes: Int, blocks: Int
  ) -> AlignedBlock {
    let width = blocks * lanes
    let groups = window.firstBlocks.count
    let packed = AlignedBlock(floatCount: groups * window.weightRows * width)
    if descriptor.groups > 1 {
      packGrouped(weights, descriptor, window, packed, width: width)
      return packed
    }
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let block = descriptor.input.block
    let rowCount = descriptor.input.channels * taps
    let places = (0..<rowCount).map { row in
      let (input, tap) = (row / taps, row % taps)
      return ((input / block * taps + tap) * block + input % block) * width
    }
    let outputs = descriptor.output.channels
    places.withUnsafeBufferPointer { places in
      for group in 0..<groups {
        transpose(
          weights + group * width * rowCount, rowLength: rowCount, range: 0..<rowCount,
          lanes: min(width, outputs - group * width), packed.floats + group * window.weightRows * width,
          places)
      }
    }
    return packed
  }

  /// Channels of several groups in one block: rare and small, hence the plain way.
  private static func packGrouped(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ window: ConvolutionWindow,
    _ packed: AlignedBlock, width: Int
  ) {
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let block = descriptor.input.block
    let inputsPerGroup = descriptor.input.channels / descriptor.groups
    let outputsPerGroup = descriptor.output.channels / descriptor.groups
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
  }

  /// Biases of whole groups of `width` channels; zeros where there are none.
  package static func bias(_ bias: UnsafePointer<Float>?, channels: Int, width: Int) -> AlignedBlock {
    let block = AlignedBlock(floatCount: (channels + width - 1) / width * width)
    if let bias { block.floats.update(from: bias, count: channels) }
    return block
  }

  /// Writes column `r` of the rows `source + lane * rowLength` to `target + places[r - range.lowerBound]`.
  ///
  /// Four by four in registers, 64 columns of all lanes at a time, so that both sides stay in the first cache.
  static func transpose(
    _ source: UnsafePointer<Float>, rowLength: Int, range: Range<Int>, lanes: Int,
    _ target: UnsafeMutablePointer<Float>, _ places: UnsafeBufferPointer<Int>
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(start &+ 64, range.upperBound)
      var lane = 0
      while lane &+ 4 <= lanes {
        let row = source + lane &* rowLength
        var column = start
        while column &+ 4 <= end {
          let place = places.baseAddress! + (column &- range.lowerBound)
          transposeFour(row + column, rowLength, target + lane, place)
          column &+= 4
        }
        while column < end {
          for k in 0..<4 {
            target[places[column &- range.lowerBound] &+ lane &+ k] = row[k &* rowLength &+ column]
          }
          column &+= 1
        }
        lane &+= 4
      }
      while lane < lanes {
        let row = source + lane &* rowLength
        for column in start..<end { target[places[column &- range.lowerBound] &+ lane] = row[column] }
        lane &+= 1
      }
      start = end
    }
  }

  @inline(__always)
  private static func transposeFour(
    _ source: UnsafePointer<Float>, _ rowLength: Int, _ target: UnsafeMutablePointer<Float>,
    _ places: UnsafePointer<Int>
  ) {
    func row(_ index: Int) -> Lanes {
      UnsafeRawPointer(source + index &* rowLength).loadUnaligned(as: Lanes.self)
    }
    let (a, b, c, d) = (row(0), row(1), row(2), row(3))
    let abLow = Lanes(a[0], b[0], a[1], b[1])
    let abHigh = Lanes(a[2], b[2], a[3], b[3])
    let cdLow = Lanes(c[0], d[0], c[1], d[1])
    let cdHigh = Lanes(c[2], d[2], c[3], d[3])
    (target + places[0]).store(Lanes(lowHalf: abLow.lowHalf, highHalf: cdLow.lowHalf), at: 0)
    (target + places[1]).store(Lanes(lowHalf: abLow.highHalf, highHalf: cdLow.highHalf), at: 0)
    (target + places[2]).store(Lanes(lowHalf: abHigh.lowHalf, highHalf: cdHigh.lowHalf), at: 0)
    (target + places[3]).store(Lanes(lowHalf: abHigh.highHalf, highHalf: cdHigh.highHalf), at: 0)
  }
}
