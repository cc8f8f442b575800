import FixresAssembler
import FixresBase
import FixresRuntime

/// Kernels as layers of ResNets ask for them: the subjects of the listing goldens.
///
/// Every number is written here, so that neither the cost model nor the machine decides what is listed.
enum KernelCatalogue {
  typealias Entry = (name: String, kernel: AnyKernel)

  /// Kernels that are listed instruction by instruction.
  static func listed(_ isa: VectorISA) -> [Entry] {
    [
      ("strip-1x1", .strip(strip(isa, kernel: 1, columns: isa.lanes == 16 ? 6 : 3, blocks: isa.lanes / 4))),
      (
        "strip-3x3-edges",
        .strip(strip(isa, kernel: 3, map: 8, columns: 4, count: 2, blocks: 2, paddingTop: 1))
      ),
      (
        "strip-residual-relu",
        .strip(strip(isa, kernel: 1, columns: 3, blocks: 2, joins: true, prefetchLines: 4))
      ),
      ("strip-stride-2", .strip(strip(isa, kernel: 3, stride: 2, map: 16, columns: 4, blocks: 2))),
      ("strip-stem-joined-taps", .strip(stem(isa))),
      (
        "strip-sum-in-parts",
        .strip(strip(isa, kernel: 1, inputBlocks: 512 / isa.lanes, columns: 3, blocks: 2, relu: true))
      ),
      ("winograd4-input", .winogradInput(winogradInput(isa, .f4, lastValidColumns: 6))),
      ("winograd4-output", .winogradOutput(winogradOutput(isa, .f4, lastValidColumns: 4, joins: true))),
      ("winograd2-input", .winogradInput(winogradInput(isa, .f2, lastValidColumns: 4))),
      ("winograd2-output", .winogradOutput(winogradOutput(isa, .f2, lastValidColumns: 1, joins: false))),
      ("polyphase2-input", .winogradInput(winogradInput(isa, .polyphase2, lastValidColumns: 5))),
      (
        "polyphase2-output",
        .winogradOutput(winogradOutput(isa, .polyphase2, lastValidColumns: 2, joins: false))
      ),
      ("narrow-groups-4", .narrowGroup(narrowGroup(isa, channelsPerGroup: 4, stride: 1, joins: true))),
      (
        "max-pool-3x3s2",
        .pool(
          PoolKernel(
            isa: isa, isMaximum: true, inputWidth: 16, outputWidth: 8, kernelWidth: 3, stride: 2,
            paddingLeft: 1, sourceRow: 16 * isa.byteCount))
      ),
      (
        "global-average",
        .globalPool(
          GlobalPoolKernel(
            isa: isa, isMaximum: false, height: 7, width: 7, blocks: 4, sourceRow: 7 * isa.byteCount,
            sourceBlock: 49 * isa.byteCount, outputBlock: isa.byteCount))
      ),
      ("transpose", .transpose(TransposeKernel(isa: isa))),
    ]
  }

  /// A strip over a map of `map` columns, `inputBlocks` channel blocks deep; `joins` adds a residual and ReLU.
  static func strip(
    _ isa: VectorISA, kernel: Int, stride: Int = 1, map: Int = 14, inputBlocks: Int = 4, columns: Int,
    count: Int = 1, blocks: Int, rows: Int = 1, paddingTop: Int = 0, joins: Bool = false, relu: Bool = false,
    prefetchLines: Int = 0, weightBlocks: Int? = nil, partRows: Int = PartRows.long,
    start: StripKernel.Start = .bias
  ) -> StripKernel {
    let pixel = isa.byteCount
    let plane = map * map * pixel
    let padding = kernel / 2
    let taps = TapWindow(
      height: kernel, width: kernel, rowStep: map * pixel, columnStep: pixel, strideHeight: stride,
      strideWidth: stride, sourceRows: paddingTop..<max(paddingTop, (rows - 1) * stride + kernel),
      sourceColumns: padding..<padding + map)
    let output = PixelSteps(
      column: pixel, row: map / stride * pixel, block: (map / stride) * (map / stride) * pixel)
    return StripKernel(
      isa: isa, bodyRows: isa.lanes, taps: taps,
      loops: inputBlocks > 1 ? [ReductionLoop(count: inputBlocks, sourceStep: plane)] : [], rows: rows,
      segments: [StripSegment(columns: columns, count: count)], blocks: blocks,
      source: PixelSteps(column: stride * pixel, row: stride * map * pixel), output: output,
      residual: joins ? output : nil, start: start, hasReLU: joins || relu, prefetchLines: prefetchLines,
      weightBlocks: weightBlocks, partRows: partRows)
  }

  /// The 7x7 stride 2 stem over 3 interleaved channels: a kernel row's taps are one run of 21 floats.
  static func stem(_ isa: VectorISA) -> StripKernel {
    let row = 38 * 12
    return StripKernel(
      isa: isa, bodyRows: 21,
      taps: TapWindow(
        height: 7, width: 1, rowStep: row, columnStep: 12, strideHeight: 2, strideWidth: 2,
        sourceRows: 1..<7),
      loops: [], segments: [StripSegment(columns: 4, count: 4)], blocks: 2,
      source: PixelSteps(column: 24, row: 2 * row),
      output: PixelSteps(column: isa.byteCount, row: 16 * isa.byteCount, block: 256 * isa.byteCount),
      hasReLU: true)
  }

  static func winogradInput(
    _ isa: VectorISA, _ scheme: WinogradScheme, tiles: Int = 4, validRows: Int? = nil, lastValidColumns: Int
  ) -> WinogradInputKernel {
    WinogradInputKernel(
      isa: isa, scheme: scheme, tiles: tiles, validRows: validRows ?? scheme.inputSide,
      lastValidColumns: lastValidColumns, sourceRow: 16 * isa.byteCount, component: 65 * isa.byteCount,
      tile: isa.byteCount)
  }

  static func winogradOutput(
    _ isa: VectorISA, _ scheme: WinogradScheme, tiles: Int = 4, validRows: Int? = nil, lastValidColumns: Int,
    joins: Bool
  ) -> WinogradOutputKernel {
    WinogradOutputKernel(
      isa: isa, scheme: scheme, tiles: tiles, validRows: validRows ?? scheme.outputSide,
      lastValidColumns: lastValidColumns, component: 65 * isa.byteCount, tile: isa.byteCount,
      outputRow: 16 * isa.byteCount, residualRow: joins ? 16 * isa.byteCount : nil, hasReLU: joins)
  }

  static func narrowGroup(
    _ isa: VectorISA, channelsPerGroup: Int, kernelRows: Range<Int> = 0..<3, kernelWidth: Int = 3,
    stride: Int, joins: Bool
  ) -> NarrowGroupKernel {
    let most = min(
      4, NarrowGroupKernel.largestTile(isa, channelsPerGroup: channelsPerGroup, kernelWidth: kernelWidth))
    return NarrowGroupKernel(
      isa: isa, channelsPerGroup: channelsPerGroup, kernelRows: kernelRows, kernelWidth: kernelWidth,
      stride: stride, segments: [StripSegment(columns: most, count: 3), StripSegment(columns: 1, count: 1)],
      sourceRow: 18 * isa.byteCount, hasResidual: joins, hasReLU: joins)
  }
}

extension KernelCatalogue {
  /// A seeded sweep of all families: every variant of each at least once, most of them together.
  static func sweep(_ isa: VectorISA, strips: Int = 60) -> [Entry] {
    var entries: [Entry] = []
    var random = SeededRandom(seed: 11)
    for index in 0..<strips {
      entries.append(("strip-\(index)", .strip(randomStrip(isa, &random))))
    }
    for scheme in [WinogradScheme.f2, .f4, .polyphase2] {
      for columns in 1...scheme.inputSide {
        for rows in [1, scheme.inputSide - 1, scheme.inputSide] {
          let kernel = winogradInput(
            isa, scheme, tiles: columns, validRows: rows, lastValidColumns: columns)
          entries.append(("\(scheme.rawValue)-input-\(rows)x\(columns)", .winogradInput(kernel)))
        }
      }
      for columns in 1...scheme.outputSide {
        for (rows, joins) in [(1, false), (scheme.outputSide, true), (scheme.outputSide, false)] {
          let kernel = winogradOutput(
            isa, scheme, tiles: columns + 1, validRows: rows, lastValidColumns: columns, joins: joins)
          entries.append(
            ("\(scheme.rawValue)-output-\(rows)x\(columns)-\(joins)", .winogradOutput(kernel)))
        }
      }
    }
    for channels in [1, 2, 4, 8] where channels < isa.lanes {
      for (width, stride, joins) in [(3, 1, false), (3, 2, true), (5, 2, false), (1, 1, true)] {
        for rows in [0..<3, 1..<3, 0..<1] {
          let kernel = narrowGroup(
            isa, channelsPerGroup: channels, kernelRows: rows, kernelWidth: width, stride: stride,
            joins: joins)
          entries.append(("narrow-\(channels)-\(width)s\(stride)-\(rows)", .narrowGroup(kernel)))
        }
      }
    }
    return entries + pools(isa)
  }

  private static func pools(_ isa: VectorISA) -> [Entry] {
    var entries: [Entry] = []
    for isMaximum in [true, false] {
      for (width, kernel, stride, padding) in [(16, 3, 2, 1), (17, 2, 2, 0), (9, 5, 1, 2), (3, 3, 3, 0)] {
        let output = (width + 2 * padding - kernel) / stride + 1
        let pool = PoolKernel(
          isa: isa, isMaximum: isMaximum, inputWidth: width, outputWidth: output, kernelWidth: kernel,
          stride: stride, paddingLeft: padding, sourceRow: width * isa.byteCount)
        entries.append(("pool-\(isMaximum)-\(width)-\(kernel)s\(stride)", .pool(pool)))
      }
      for (height, width, blocks) in [(7, 7, 4), (1, 1, 1), (12, 5, 3), (1, 9, 7)] {
        let pool = GlobalPoolKernel(
          isa: isa, isMaximum: isMaximum, height: height, width: width, blocks: blocks,
          sourceRow: (width + 2) * isa.byteCount, sourceBlock: height * (width + 2) * isa.byteCount,
          outputBlock: isa.byteCount)
        entries.append(("global-\(isMaximum)-\(height)x\(width)x\(blocks)", .globalPool(pool)))
      }
    }
    return entries + [("transpose", .transpose(TransposeKernel(isa: isa)))]
  }

  private static func randomStrip(_ isa: VectorISA, _ random: inout SeededRandom) -> StripKernel {
    func pick<T>(_ values: [T]) -> T { values[random.nextInt(in: 0..<values.count)] }
    let blocks = random.nextInt(in: 1..<5)
    let most = StripKernel.largestTile(isa, blocks: blocks)
    let rows = most >= 4 ? random.nextInt(in: 1..<3) : 1
    let columns = random.nextInt(in: 1..<(most / rows + 1))
    let kernel = pick([1, 1, 3, 3, 5])
    var strip = strip(
      isa, kernel: kernel, stride: pick([1, 1, 2]), map: pick([7, 14, 56]),
      inputBlocks: pick([1, 2, 4, 16, 32]), columns: columns, count: random.nextInt(in: 1..<4),
      blocks: blocks, rows: rows, paddingTop: kernel > 1 ? pick([0, 0, 1, 2]) : 0,
      joins: pick([true, false]),
      relu: pick([true, false]), prefetchLines: pick([0, 0, 1, 4, 16]),
      weightBlocks: pick([nil, blocks + 1]), partRows: pick([PartRows.long, PartRows.short]),
      start: pick([.zero, .bias, .output]))
    if pick([true, false, false]) {
      strip.segments.append(StripSegment(columns: max(1, columns - 1), count: 1))
    }
    return strip
  }
}
