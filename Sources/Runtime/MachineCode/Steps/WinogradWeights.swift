import FixresAssembler

extension WeightPacking {
  /// What `winograd` gives.
  package static func winogradLayout(
    _ descriptor: ConvolutionDescriptor, _ scheme: WinogradScheme, blocks: Int, _ isa: VectorISA
  ) -> WeightLayout {
    let width = blocks * isa.lanes
    let groups = (descriptor.output.channels + width - 1) / width
    return WeightLayout(
      name: "\(scheme.rawValue) \(isa.lanes)x\(blocks)",
      count: groups * scheme.weightComponents * descriptor.input.blockCount * isa.lanes * width,
      format: descriptor.weightFormat)
  }

  /// `U = G g G^T` as the products read it: `[group][filter][input channel][blocks * lanes output channels]`.
  package static func winograd(
    _ parameters: LayerParameters, _ descriptor: ConvolutionDescriptor, _ scheme: WinogradScheme,
    blocks: Int, cache: KernelCache
  ) throws(KernelRefusal) -> LayerWeights {
    let lanes = cache.isa.lanes
    let width = blocks * lanes
    let rows = descriptor.input.blockCount * lanes
    let layout = winogradLayout(descriptor, scheme, blocks: blocks, cache.isa)
    return try parameters.packed(
      layout, in: cache.weights,
      hasGaps: rows != descriptor.input.channels || descriptor.output.channels % width != 0
    ) { (cell) throws(KernelRefusal) in
      try WinogradPacking.step(
        parameters.weights, descriptor, scheme, to: cell, layout: layout.name, rows: rows, width: width,
        cache: cache)
    }
  }

  /// The same by the definition, filter by filter, into zeros: `rows` input channels, `width` output channels of a group.
  static func transform(
    _ weights: UnsafePointer<Float>, outputs: Int, inputs: Int, _ scheme: WinogradScheme, rows: Int,
    width: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let lanes = 8
    withUnsafeTemporaryAllocation(byteCount: ElementFormat.f32.byteCount(of: 9 * lanes), alignment: 32) {
      raw in
      guard let taps = raw.bindMemory(to: Float.self).baseAddress else { return }
      for group in 0..<(outputs + width - 1) / width {
        let target = packed + group * scheme.weightComponents * rows * width
        for lane in stride(from: 0, to: min(width, outputs - group * width), by: lanes) {
          let first = group * width + lane
          let used = min(lanes, outputs - first)
          for input in 0..<inputs {
            for tap in 0..<9 {
              for other in 0..<lanes {
                taps[tap * lanes + other] =
                  other < used ? weights[((first + other) * inputs + input) * 9 + tap] : 0
              }
            }
            Filter8(taps, stride: lanes).store(scheme, target + input * width + lane, stride: rows * width)
          }
        }
      }
    }
  }
}

/// Transform of 3x3 weights: items are groups of output blocks times slices of input channels.
private struct WinogradPacking: BitwiseCopyable {
  var source: UnsafePointer<Float>
  var target: UnsafePointer<UnsafeRawPointer>
  var transpose: WeightTranspose
  /// Where each weight of a slice is gathered.
  var offsets: UnsafePointer<Int>
  var scheme: WinogradScheme
  var inputs, outputs, slices: Int
  /// Input channels with what fills their last block, and output channels of a group.
  var rows, width: Int

  /// Input channels whose filters are gathered before they are transformed: 36 KB that stay in the first cache.
  private static let gathered = 16
  /// Input channels whose transformed filters are staged before they go to memory: written one by one, the 36 streams
  /// lie a power of two apart and push each other out of every cache.
  private static let staged = 4

  private var tapCount: Int { Self.gathered * 9 * width }
  /// An odd number of lines between components, so that they lie in different sets of the cache.
  private var stagedStride: Int { Self.staged * width + 16 }
  private var stagedCount: Int { scheme.weightComponents * stagedStride }

  static func step(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ scheme: WinogradScheme,
    to target: UnsafePointer<UnsafeRawPointer>, layout: String, rows: Int, width: Int, cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let offsets = WeightPacking.block((0..<(gathered * 9)).map { $0 * width })
    let kernel = try WeightTranspose.kernel(cache)
    let (inputs, outputs) = (descriptor.input.channels, descriptor.output.channels)
    let packing = WinogradPacking(
      source: weights, target: target, transpose: WeightTranspose(kernel, cache.isa),
      offsets: UnsafePointer(offsets.base.assumingMemoryBound(to: Int.self)), scheme: scheme, inputs: inputs,
      outputs: outputs, slices: (inputs + gathered - 1) / gathered, rows: rows, width: width)
    return KernelStep(
      kernel: layout, function: function, copying: packing, footprint: packing.footprint,
      items: (outputs + width - 1) / width * packing.slices,
      scratchByteCount: ElementFormat.f32.byteCount(of: packing.tapCount + packing.stagedCount),
      resources: StepResources(blocks: [offsets], kernels: [kernel]))
  }

  /// The model's weights, the packed ones, and what a thread gathers and stages.
  private var footprint: StepFootprint {
    let bytes = ElementFormat.f32.byteCount
    let floats = ByteSpan(0, bytes)
    let (components, groups) = (scheme.weightComponents, (outputs + width - 1) / width)
    let row = floats.repeated(width, every: bytes)
    return .own([
      OwnAccess("model's weights", of: outputs * inputs * 9 * bytes),
      OwnAccess(
        "packed weights", of: groups * components * rows * width * bytes,
        row.repeated(inputs, every: width * bytes).repeated(components, every: rows * width * bytes)
          .repeated(groups, every: components * rows * width * bytes)),
      OwnAccess(
        "gathered weights", of: tapCount * bytes, row.repeated(Self.gathered * 9, every: width * bytes)),
      OwnAccess(
        "staged weights", of: stagedCount * bytes,
        row.repeated(Self.staged, every: width * bytes).repeated(components, every: stagedStride * bytes)),
    ])
  }

  private static let function: StepFunction = { arguments, context, begin, end, thread in
    let packing = UnsafePointer(arguments.assumingMemoryBound(to: WinogradPacking.self)).pointee
    let context = RunContext.at(context)
    let scratch = (context.scratch + thread &* context.scratchByteCount).assumingMemoryBound(to: Float.self)
    let target = UnsafeMutableRawPointer(mutating: packing.target.pointee)
      .assumingMemoryBound(to: Float.self)
    for item in begin..<end { packing.run(item, target, scratch) }
  }

  private func run(_ item: Int, _ packed: UnsafeMutablePointer<Float>, _ taps: UnsafeMutablePointer<Float>) {
    let stage = taps + tapCount
    let (group, slice) = (item / slices, item % slices)
    let first = slice * Self.gathered
    let count = min(Self.gathered, inputs - first)
    let used = min(width, outputs - group * width)
    if used < width { taps.update(repeating: 0, count: tapCount + stagedCount) }
    transpose(
      source + (group * width * inputs + first) * 9, rowLength: inputs * 9, columns: count * 9, lanes: used,
      taps, offsets)
    let target = packed + group * scheme.weightComponents * rows * width
    for begin in stride(from: 0, to: count, by: Self.staged) {
      let end = min(begin + Self.staged, count)
      for input in begin..<end {
        for lane in stride(from: 0, to: used, by: 8) {
          let filter = Filter8(taps + input * 9 * width + lane, stride: width)
          filter.store(scheme, stage + (input - begin) * width + lane, stride: stagedStride)
        }
      }
      for component in 0..<scheme.weightComponents {
        (target + (component * rows + first + begin) * width).update(
          from: stage + component * stagedStride, count: (end - begin) * width)
      }
    }
  }
}

/// A 3x3 filter of eight output channels, one channel a lane.
private struct Filter8 {
  private typealias Lanes8 = SIMD8<Float>
  private typealias Three = (Lanes8, Lanes8, Lanes8)

  private let rows: (Three, Three, Three)

  /// Tap `t` lies at `taps + t * stride`.
  @inline(__always)
  init(_ taps: UnsafePointer<Float>, stride: Int) {
    func tap(_ index: Int) -> Lanes8 {
      UnsafeRawPointer(taps + index &* stride).load(as: Lanes8.self)
    }
    rows = ((tap(0), tap(1), tap(2)), (tap(3), tap(4), tap(5)), (tap(6), tap(7), tap(8)))
  }

  /// Transformed filter (i, j) goes to `target + (i * side + j) * stride`.
  @inline(__always)
  func store(_ scheme: WinogradScheme, _ target: UnsafeMutablePointer<Float>, stride: Int) {
    let columns = (
      Self.products(rows.0.0, rows.1.0, rows.2.0, of: scheme),
      Self.products(rows.0.1, rows.1.1, rows.2.1, of: scheme),
      Self.products(rows.0.2, rows.1.2, rows.2.2, of: scheme)
    )
    let side = scheme.weightSide
    func line(_ row: Int, _ a: Lanes8, _ b: Lanes8, _ c: Lanes8) {
      let values = Self.products(a, b, c, of: scheme)
      let place = target + row &* side &* stride
      func put(_ column: Int, _ value: Lanes8) {
        UnsafeMutableRawPointer(place + column &* stride).storeBytes(of: value, as: Lanes8.self)
      }
      put(0, values.0)
      put(1, values.1)
      put(2, values.2)
      put(3, values.3)
      guard scheme == .f4 else { return }
      put(4, values.4)
      put(5, values.5)
    }
    line(0, columns.0.0, columns.1.0, columns.2.0)
    line(1, columns.0.1, columns.1.1, columns.2.1)
    line(2, columns.0.2, columns.1.2, columns.2.2)
    line(3, columns.0.3, columns.1.3, columns.2.3)
    guard scheme == .f4 else { return }
    line(4, columns.0.4, columns.1.4, columns.2.4)
    line(5, columns.0.5, columns.1.5, columns.2.5)
  }

  /// G times `(a, b, c)`; the last two are for F(4x4) alone.
  @inline(__always)
  private static func products(
    _ a: Lanes8, _ b: Lanes8, _ c: Lanes8, of scheme: WinogradScheme
  ) -> (Lanes8, Lanes8, Lanes8, Lanes8, Lanes8, Lanes8) {
    if scheme == .f2 {
      let even = (a + c) * 0.5
      let odd = b * 0.5
      return (a, even + odd, even - odd, c, c, c)
    }
    if scheme == .polyphase2 { return (a, a + c, c, b, b, b) }
    // Row of point p: (1, p, p²) over the product of its distances to the other points.
    let (near, far) = (WinogradScheme.near, WinogradScheme.far)
    let (near2, far2) = (near * near, far * far)
    let (nearScale, farScale) = (1 / (2 * near2 * (near2 - far2)), 1 / (2 * far2 * (far2 - near2)))
    let nearEven = (a + c * near2) * nearScale
    let nearOdd = b * (near * nearScale)
    let farEven = (a + c * far2) * farScale
    let farOdd = b * (far * farScale)
    return (
      a * (1 / (near2 * far2)), nearEven + nearOdd, nearEven - nearOdd, farEven + farOdd, farEven - farOdd,
      c
    )
  }
}
