/// A direct convolution at run time: which strip kernel computes which strip.
package struct DirectStep: BitwiseCopyable {
  /// One group of output blocks; offsets in bytes.
  struct Group: BitwiseCopyable {
    var source, output, residual, weights, bias: Int
    /// Weights of the group that comes next, for prefetching; the last group names itself.
    var nextWeights: Int
    /// Output blocks whose border this group zeroes.
    var borderBegin, borderEnd: Int
  }
  /// Entry points for one band, without and with prefetching.
  struct Kernels: BitwiseCopyable {
    var plain, prefetching: UnsafeRawPointer
  }

  var inputBuffer, outputBuffer, residualBuffer: Int
  var output: ByteStrides
  var inputImage, outputImage, residualImage: Int
  /// Bytes from one band to the next.
  var inputBand, outputBand, residualBand: Int
  var groups: UnsafePointer<Group>
  var groupCount: Int
  /// By entry of `bandTable`; bands at an edge of the source map have kernels of their own.
  var kernels: UnsafePointer<Kernels>
  /// The same for the last group, which may have fewer blocks than the others.
  var lastGroupKernels: UnsafePointer<Kernels>
  /// Where the weights' address is found.
  var weights: UnsafePointer<UnsafeRawPointer>
  var bias: UnsafeRawPointer
  var bandTable: BandTable
  /// Rows of tiles; the last may be less high than the others.
  var bands: Int
  var bandsPerItem, chunks: Int
  /// Items are chunks of nearly equal height, and inside one all bands of a group come before the next group's.
  var hasRowChunks: Bool
  /// Strips of a group after which the next group's weights are on their way, and bytes each of them asks for.
  var prefetchStrips, prefetchBytesPerStrip: Int

  /// Items are chunks of bands of each image; all groups inside.
  package static let pixelsOutside: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: DirectStep.self))
    step.pointee.runPixelsOutside(RunContext.at(context), begin, end)
  }

  /// Items are groups times chunks of bands; all images inside.
  package static let groupsOutside: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: DirectStep.self))
    step.pointee.runGroupsOutside(RunContext.at(context), begin, end)
  }

  private func runPixelsOutside(_ context: RunContext, _ begin: Int, _ end: Int) {
    for item in begin..<end {
      let (image, chunk) = (item / chunks, item % chunks)
      if chunk == 0 { zeroBorders(context, image: image, from: 0, to: output.blockCount) }
      if hasRowChunks {
        let (first, last) = (bands &* chunk / chunks, bands &* (chunk &+ 1) / chunks)
        for group in 0..<groupCount {
          for band in first..<last {
            strip(context, image: image, band: band, group: group, prefetchIndex: band &- first)
          }
        }
        continue
      }
      let firstBand = chunk &* bandsPerItem
      for band in firstBand..<min(firstBand &+ bandsPerItem, bands) {
        // The first band brings the weights into L2, where the others find them.
        let prefetchIndex = item == begin && band == firstBand ? 0 : Int.max
        for group in 0..<groupCount {
          strip(context, image: image, band: band, group: group, prefetchIndex: prefetchIndex)
        }
      }
    }
  }

  private func runGroupsOutside(_ context: RunContext, _ begin: Int, _ end: Int) {
    for item in begin..<end {
      let (group, chunk) = (item / chunks, item % chunks)
      let firstBand = chunk &* bandsPerItem
      for image in 0..<context.batch {
        if chunk == 0 {
          let (begin, end) = ((groups + group).pointee.borderBegin, (groups + group).pointee.borderEnd)
          zeroBorders(context, image: image, from: begin, to: end)
        }
        for band in firstBand..<min(firstBand &+ bandsPerItem, bands) {
          strip(
            context, image: image, band: band, group: group, prefetchIndex: image == 0 ? band : Int.max)
        }
      }
    }
  }

  @inline(__always)
  private func zeroBorders(_ context: RunContext, image: Int, from begin: Int, to end: Int) {
    let base = context.buffers[outputBuffer] + image &* output.image
    for block in begin..<end { output.zeroBorder(base + block &* output.plane) }
  }

  @inline(__always)
  private func strip(
    _ context: RunContext, image: Int, band: Int, group index: Int, prefetchIndex: Int
  ) {
    let group = (groups + index).pointee
    let prefetches = prefetchIndex < prefetchStrips
    let kernels = (index &+ 1 == groupCount ? lastGroupKernels : self.kernels) + bandTable.entry(band)
    let (buffers, weights) = (context.buffers, weights.pointee)
    var arguments = StripArguments(
      source: UnsafeRawPointer(buffers[inputBuffer])
        + (image &* inputImage &+ band &* inputBand &+ group.source),
      output: buffers[outputBuffer] + (image &* outputImage &+ band &* outputBand &+ group.output),
      weights: weights + group.weights, bias: bias + group.bias,
      residual: UnsafeRawPointer(buffers[residualBuffer])
        + (image &* residualImage &+ band &* residualBand &+ group.residual),
      prefetch: weights + (group.nextWeights &+ (prefetches ? prefetchIndex &* prefetchBytesPerStrip : 0)))
    let entry = prefetches ? kernels.pointee.prefetching : kernels.pointee.plain
    unsafeBitCast(entry, to: KernelFunction.self)(&arguments)
  }
}
