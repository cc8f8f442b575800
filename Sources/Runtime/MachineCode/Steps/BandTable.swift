/// Bands of output rows by the kernel rows that meet the source map.
///
/// Those at the top and at the bottom have kernels of their own, all between share one, so that a table of kernels has
/// as many entries as a kernel has rows, however tall the map.
struct BandTable: BitwiseCopyable {
  let bands: Int
  /// Bands above those that share an entry.
  private let top: Int
  /// Bands that share it, but for one.
  private let skipped: Int

  /// Bands of `rows` output rows of the convolution.
  init(_ descriptor: ConvolutionDescriptor, rows: Int) {
    let (output, stride) = (descriptor.output.height, descriptor.strideHeight)
    bands = (output + rows - 1) / rows
    let step = rows * stride
    let first = min(bands, (descriptor.paddingTop + step - 1) / step)
    // The greatest first row, in taps, from which a whole band still meets the map alone.
    let room =
      descriptor.paddingTop + descriptor.input.height - descriptor.kernelHeight - (rows - 1) * stride
    let end = room < 0 ? 0 : min(output / rows, room / step + 1)
    (top, skipped) = end > first ? (first, end - first - 1) : (bands, 0)
  }

  var entryCount: Int { bands - skipped }

  /// Which entry band `band` has.
  @inline(__always)
  func entry(_ band: Int) -> Int { min(band, max(top, band &- skipped)) }

  /// The bands that have entry `entry`.
  func bands(of entry: Int) -> Range<Int> {
    if entry < top { return entry..<entry + 1 }
    return entry == top ? top..<top + skipped + 1 : entry + skipped..<entry + skipped + 1
  }
}

/// What the kernels of all bands of a group reach, from where the group's first band starts.
struct BandReach {
  private(set) var reach = KernelReach()
  let inputBand, outputBand, residualBand: Int

  init(inputBand: Int, outputBand: Int, residualBand: Int) {
    (self.inputBand, self.outputBand, self.residualBand) = (inputBand, outputBand, residualBand)
  }

  /// Adds a kernel that the bands `bands` have.
  mutating func add(_ kernel: AnyKernel, bands: Range<Int>) {
    guard var other = kernel.reach() else { return }
    func spread(_ span: ByteSpan, _ step: Int) -> ByteSpan {
      span.repeated(bands.count, every: step).shifted(by: bands.lowerBound * step)
    }
    other.source = spread(other.source, inputBand)
    other.output = spread(other.output, outputBand)
    other.residual = spread(other.residual, residualBand)
    reach = reach.union(other)
  }
}
