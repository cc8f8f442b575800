import FixresAssembler
import FixresBase

extension StripKernel {
  /// Appends the function to `kernel`.
  package func emit(into kernel: inout some KernelAssembler) {
    let sumsInParts = splitLoops.parts != .whole
    let counters = [
      StripEmitter.columnCounter, StripEmitter.rowCounter, StripEmitter.loopCounters[0],
      StripEmitter.tileCounter,
    ]
    let frame = FunctionFrame(
      counters: counters + (sumsInParts ? [StripEmitter.loopCounters[1]] : []),
      stackByteCount: sumsInParts ? widestTile * isa.byteCount : 0)
    kernel.function(frame) { kernel in
      StripEmitter.loadArguments(&kernel, hasResidual: residual != nil, prefetches: prefetchLines > 0)
      for run in tileRuns {
        let emitter = StripEmitter(self, kernel, columns: run.columns, run.columnRuns)
        kernel.loop(StripEmitter.tileCounter, run.count) { emitter.emitTile(&$0) }
      }
    }
  }

  /// About how many instructions the function has, with the work to find out which taps lie on the map, in the same
  /// unit; never less than a tenth of what it really is.
  package var workEstimate: Int {
    var (edgeTiles, first, narrowest) = (0, 0, Int.max)
    for segment in segments {
      edgeTiles += segment.count - taps.tilesInside(segment, from: first).count
      first += segment.columns * segment.count
      narrowest = min(narrowest, segment.columns)
    }
    let columns = max(1, narrowest == .max ? 1 : narrowest)
    // A tile is one of its own while an edge of the map lies between its pixels' taps.
    let own = min(edgeTiles, 2 * (taps.width / (columns * taps.strideWidth) + 2)) + segments.count
    let bodies = min(taps.width, 2 * columns + 1) * min(taps.height, 2 * rows + 1)
    let body = max(StripEmitter.mostInstructions, (rows * columns + 1) * (blocks + 1))
    return (own * bodies).multipliedSaturated(body)
      .addingSaturated((edgeTiles + segments.count).multipliedSaturated(taps.width * columns / 16 + 1))
      .addingSaturated(own * (taps.height * rows + bodyRows) / 16)
  }

  /// Accumulators of the largest tile.
  private var widestTile: Int { rows * (segments.map(\.columns).max() ?? 1) * blocks }

  private struct TileRun {
    var columns: Int
    var columnRuns: [TapWindow.Run]
    var count: Int
  }

  /// The strip's tiles from left to right; those at an edge of the source map differ from the ones between.
  private var tileRuns: [TileRun] {
    var runs: [TileRun] = []
    var first = 0
    for segment in segments {
      let inside = taps.tilesInside(segment, from: first)
      var tile = 0
      while tile < segment.count {
        // Tiles that meet the map alone are all alike.
        let count = tile == inside.lowerBound ? max(inside.count, 1) : 1
        let columnRuns = taps.columnRuns(first: first + tile * segment.columns, count: segment.columns)
        if let last = runs.last, last.columns == segment.columns, last.columnRuns == columnRuns {
          runs[runs.count - 1].count += count
        } else {
          runs.append(TileRun(columns: segment.columns, columnRuns: columnRuns, count: count))
        }
        tile += count
      }
      first += segment.columns * segment.count
    }
    return runs
  }
}

/// Emits tiles of one width (`columns`) at which the same taps lie beside the source map.
private struct StripEmitter {
  static let bodyCounter = IntegerRole.bodyCounter
  static let columnCounter = IntegerRole.counter0
  static let rowCounter = IntegerRole.counter1
  /// The second reduction loop exists only where a sum has parts.
  static let loopCounters: [IntegerRole] = [.counter2, .counter4]
  static let tileCounter = IntegerRole.counter3

  /// Maximum number of instructions in the unrolled bodies of a tile, which should stay in the cache of decoded
  /// instructions: with 2,100 a 14x2 tile of three bodies took a fifth longer, with 1,200 nothing; from there down to
  /// 100 a whole network still gains 3 %.
  static let mostInstructions = 100

  let strip: StripKernel
  let columns: Int
  let pixels: [(row: Int, column: Int)]
  /// Channel blocks whose weights get a register; the rest are operands in memory.
  let residentBlocks: Int
  /// Keeps most displacements of source pixels short.
  let sourceBias: Int
  let rowRuns: [TapWindow.Run]
  let columnRuns: [TapWindow.Run]
  /// Lines that each pass of the body prefetches: more where a tile has taps beside the map, and so fewer passes.
  let prefetchLines: Int
  /// Weight rows that the body unrolls; divides `bodyRows`.
  let unrolledRows: Int
  let loops: [ReductionLoop]
  let parts: StripKernel.Parts

  init(
    _ strip: StripKernel, _ kernel: some KernelAssembler, columns: Int, _ columnRuns: [TapWindow.Run]
  ) {
    self.strip = strip
    self.columns = columns
    pixels = (0..<strip.rows).flatMap { row in (0..<columns).map { (row, $0) } }
    let free = strip.isa.registerCount - pixels.count * strip.blocks
    precondition(free >= 2, "a tile of \(pixels.count)x\(strip.blocks) leaves no registers for operands")
    (loops, parts) = strip.splitLoops
    precondition(loops.count <= Self.loopCounters.count, "too many reduction loops")
    residentBlocks = min(strip.blocks, free - 1)
    let farthest = (columns - 1) * strip.source.column + strip.bodyRows * strip.sourceRowByteCount
    sourceBias = kernel.displacementBias(farthest: farthest)
    self.columnRuns = columnRuns
    rowRuns = strip.taps.rowRuns(strip.rows)
    func liveTaps(_ runs: [TapWindow.Run]) -> Int {
      runs.reduce(0) { $0 + ($1.hasLivePixels ? $1.taps : 0) }
    }
    func liveBodies(_ runs: [TapWindow.Run]) -> Int { runs.count(where: \.hasLivePixels) }
    let bodies = liveBodies(rowRuns) * liveBodies(columnRuns)
    let rowInstructions = (strip.rows * columns + 1) * (strip.blocks + 1) * bodies
    unrolledRows =
      (1...strip.bodyRows).last {
        strip.bodyRows % $0 == 0 && ($0 == 1 || $0 * rowInstructions <= Self.mostInstructions)
      } ?? 1
    let passes = max(1, liveTaps(rowRuns) * liveTaps(columnRuns))
    prefetchLines = (strip.prefetchLines * strip.taps.height * strip.taps.width + passes - 1) / passes
  }

  static func loadArguments(_ kernel: inout some KernelAssembler, hasResidual: Bool, prefetches: Bool) {
    kernel.loadArgument(.source, field: 0)
    kernel.loadArgument(.output, field: 1)
    kernel.loadArgument(.weights, field: 2)
    kernel.loadArgument(.bias, field: 3)
    if hasResidual { kernel.loadArgument(.residual, field: 4) }
    if prefetches { kernel.loadArgument(.prefetch, field: 5) }
  }

  private var lanesByteCount: Int { strip.isa.byteCount }
  private func accumulator(_ pixel: Int, _ block: Int) -> Vector { Vector(pixel * strip.blocks + block) }
  private func weight(_ block: Int) -> Vector { Vector(pixels.count * strip.blocks + block) }
  private var pixelValue: Vector { Vector(strip.isa.registerCount - 1) }

  private func displacement(_ steps: PixelSteps, _ pixel: Int, _ block: Int) -> Int {
    pixels[pixel].row * steps.row + pixels[pixel].column * steps.column + block * steps.block
  }

  func emitTile(_ kernel: inout some KernelAssembler) {
    emitStart(&kernel)
    emitPrefetches(&kernel)
    kernel.point(.tileSource, at: MemoryOperand(.source, sourceBias))
    kernel.copy(.tileWeights, .weights)
    if parts != .whole { forEachSum { kernel.store($1, $0) } }
    emitLoops(&kernel, depth: loops.count)
    emitEpilogue(&kernel)
    kernel.advance(.source, by: columns * strip.source.column)
    kernel.advance(.output, by: columns * strip.output.column)
    if let residual = strip.residual { kernel.advance(.residual, by: columns * residual.column) }
  }

  /// Every accumulator with its slot in the stack frame.
  private func forEachSum(_ body: (Vector, MemoryOperand) -> Void) {
    for index in 0..<(pixels.count * strip.blocks) {
      body(Vector(index), MemoryOperand(.frame, index * lanesByteCount))
    }
  }

  /// Prefetches what the epilogue reads and overwrites: without it a tile of a 1x1 layer whose maps exceed L2 takes 5 %
  /// longer.
  private func emitPrefetches(_ kernel: inout some KernelAssembler) {
    guard let residual = strip.residual else { return }
    for block in 0..<strip.blocks {
      for pixel in pixels.indices {
        kernel.prefetch(MemoryOperand(.residual, displacement(residual, pixel, block)), for: .read)
        kernel.prefetch(MemoryOperand(.output, displacement(strip.output, pixel, block)), for: .write)
      }
    }
  }

  /// Initial values of the accumulators.
  private func emitStart(_ kernel: inout some KernelAssembler) {
    for block in 0..<strip.blocks {
      switch strip.start {
      case .zero: kernel.zero(accumulator(0, block))
      case .bias: kernel.load(accumulator(0, block), MemoryOperand(.bias, block * lanesByteCount))
      case .output: break
      }
    }
    for pixel in pixels.indices {
      for block in 0..<strip.blocks {
        if strip.start == .output {
          kernel.load(
            accumulator(pixel, block), MemoryOperand(.output, displacement(strip.output, pixel, block)))
        } else if pixel > 0 {
          kernel.copy(accumulator(pixel, block), accumulator(0, block))
        }
      }
    }
  }

  /// Reduction loops from the outermost (`depth` = all) to the taps (`depth` = 0).
  private func emitLoops(_ kernel: inout some KernelAssembler, depth: Int) {
    guard depth > 0 else { return emitTaps(&kernel) }
    let loop = loops[depth - 1]
    // The loop inside leaves the source pointer at its own end.
    let insideStep =
      depth > 1
      ? loops[depth - 2].count * loops[depth - 2].sourceStep : strip.taps.height * strip.taps.rowStep
    let isPart = parts == .loop && depth == loops.count
    kernel.loop(Self.loopCounters[depth - 1], loop.count) { kernel in
      emitPart(&kernel, isPart) { emitLoops(&$0, depth: depth - 1) }
      kernel.advance(.tileSource, by: loop.sourceStep - insideStep)
    }
  }

  /// Emits `body`; where it is a part of the sums, these start at zero and are added to those in the frame.
  private func emitPart<Assembler: KernelAssembler>(
    _ kernel: inout Assembler, _ isPart: Bool, _ body: (inout Assembler) -> Void
  ) {
    if isPart { forEachSum { sum, _ in kernel.zero(sum) } }
    body(&kernel)
    guard isPart else { return }
    forEachSum { sum, slot in
      kernel.add(sum, sum, slot)
      kernel.store(slot, sum)
    }
  }

  private var tapWeightByteCount: Int { strip.bodyRows * strip.weightBlocks * lanesByteCount }

  /// Every tap, for the pixels of the tile whose source is on the map at that tap.
  private func emitTaps(_ kernel: inout some KernelAssembler) {
    let taps = strip.taps
    for rowRun in rowRuns {
      guard rowRun.hasLivePixels else {
        kernel.advance(.tileSource, by: rowRun.taps * taps.rowStep)
        kernel.advance(.tileWeights, by: rowRun.taps * taps.width * tapWeightByteCount)
        continue
      }
      kernel.loop(Self.rowCounter, rowRun.taps) { kernel in
        emitPart(&kernel, parts == .kernelRow) { kernel in
          for columnRun in columnRuns { emitColumns(&kernel, rowRun, columnRun) }
        }
        kernel.advance(.tileSource, by: taps.rowStep - taps.width * taps.columnStep)
      }
    }
  }

  private func emitColumns(
    _ kernel: inout some KernelAssembler, _ rowRun: TapWindow.Run, _ columnRun: TapWindow.Run
  ) {
    guard columnRun.hasLivePixels else {
      kernel.advance(.tileSource, by: columnRun.taps * strip.taps.columnStep)
      kernel.advance(.tileWeights, by: columnRun.taps * tapWeightByteCount)
      return
    }
    let live = pixels.indices.filter {
      rowRun.isLive[pixels[$0].row] && columnRun.isLive[pixels[$0].column]
    }
    kernel.loop(Self.columnCounter, columnRun.taps) { kernel in
      emitBody(&kernel, pixels: live)
      kernel.advance(.tileSource, by: strip.taps.columnStep)
    }
  }

  /// One tap of one channel block for the pixels `live` of the tile.
  private func emitBody(_ kernel: inout some KernelAssembler, pixels live: [Int]) {
    let passes = strip.bodyRows / unrolledRows
    kernel.loop(Self.bodyCounter, passes) { kernel in
      emitRows(&kernel, pixels: live, lines: (prefetchLines + passes - 1) / passes)
      if passes > 1 { kernel.advance(.tileSource, by: unrolledRows * strip.sourceRowByteCount) }
    }
    if passes > 1 { kernel.advance(.tileSource, by: -strip.bodyRows * strip.sourceRowByteCount) }
  }

  /// `unrolledRows` weight rows, with `lines` cache lines prefetched among them.
  private func emitRows(_ kernel: inout some KernelAssembler, pixels live: [Int], lines: Int) {
    let rowByteCount = strip.weightBlocks * lanesByteCount
    for row in 0..<unrolledRows {
      for block in 0..<residentBlocks {
        kernel.load(weight(block), MemoryOperand(.tileWeights, row * rowByteCount + block * lanesByteCount))
      }
      for line in (row * lines / unrolledRows)..<((row + 1) * lines / unrolledRows) {
        kernel.prefetch(MemoryOperand(.prefetch, line * 64), for: .read)
      }
      for pixel in live {
        let from = displacement(strip.source, pixel, 0) + row * strip.sourceRowByteCount - sourceBias
        kernel.broadcast(pixelValue, MemoryOperand(.tileSource, from))
        for block in 0..<strip.blocks {
          let sum = accumulator(pixel, block)
          if block < residentBlocks {
            kernel.multiplyAdd(sum, pixelValue, weight(block))
          } else {
            kernel.multiplyAdd(
              sum, pixelValue, MemoryOperand(.tileWeights, row * rowByteCount + block * lanesByteCount))
          }
        }
      }
    }
    kernel.advance(.tileWeights, by: unrolledRows * rowByteCount)
    kernel.advance(.prefetch, by: lines * 64)
  }

  /// Residual, ReLU and store.
  private func emitEpilogue(_ kernel: inout some KernelAssembler) {
    if strip.hasReLU { kernel.zero(pixelValue) }
    for pixel in pixels.indices {
      for block in 0..<strip.blocks {
        let sum = accumulator(pixel, block)
        if let residual = strip.residual {
          kernel.add(sum, sum, MemoryOperand(.residual, displacement(residual, pixel, block)))
        }
        if strip.hasReLU { kernel.rectify(sum, zero: pixelValue) }
        kernel.store(MemoryOperand(.output, displacement(strip.output, pixel, block)), sum)
      }
    }
  }
}
