import FixresAssembler

extension StripKernel {
  /// Appends the function to `kernel`.
  package func emit(into kernel: inout KernelAssembler) {
    let sumsInParts = splitLoops.parts != .whole
    let saved = Array(KernelAssembler.calleeSaved.prefix(sumsInParts ? 6 : 4))
    kernel.enter(saving: saved)
    if sumsInParts { StripEmitter.enterFrame(self, &kernel) }
    StripEmitter.loadArguments(&kernel.code, hasResidual: residual != nil, prefetches: prefetchLines > 0)
    for run in tileRuns {
      let emitter = StripEmitter(self, columns: run.columns, run.columnRuns)
      kernel.loop(StripEmitter.tileCounter, run.count) { emitter.emitTile(&$0) }
    }
    if sumsInParts { kernel.code.emit(.load, .rsp, StripEmitter.callersStack) }
    kernel.leave(restoring: saved)
  }

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
      for _ in 0..<segment.count {
        let columnRuns = taps.columnRuns(first: first, count: segment.columns)
        if let last = runs.last, last.columns == segment.columns, last.columnRuns == columnRuns {
          runs[runs.count - 1].count += 1
        } else {
          runs.append(TileRun(columns: segment.columns, columnRuns: columnRuns, count: 1))
        }
        first += segment.columns
      }
    }
    return runs
  }
}

/// Emits tiles of one width that meet the edges of the source map alike.
private struct StripEmitter {
  // Fixed roles of registers for the whole strip.
  static let source = Register.rsi
  static let output = Register.rdx
  static let weights = Register.rcx
  static let bias = Register.r8
  static let residual = Register.r9
  static let prefetch = Register.r10
  static let tileSource = Register.rax
  static let tileWeights = Register.r11
  /// The arguments' register, free once they are loaded.
  static let bodyCounter = Register.rdi
  static let columnCounter = Register.rbx
  static let rowCounter = Register.rbp
  static let loopCounters: [Register] = [.r12, .r14]
  static let tileCounter = Register.r13
  static let callersStack = Register.r15

  /// Instructions that all bodies of a tile unroll, together. 2,100 are fetched and decoded anew in each pass (a
  /// 14x2 tile of three bodies took a fifth longer, with 1,200 nothing); down to 100 a whole pass still gains 3 %.
  static let mostInstructions = 100

  let strip: StripKernel
  let columns: Int
  let pixels: [(row: Int, column: Int)]
  /// Channel blocks whose weights get a register; the rest are operands in memory.
  let residentBlocks: Int
  /// Keeps most displacements of source pixels in one byte: EVEX scales it by 4, so it spans -512...508.
  let sourceBias: Int
  let rowRuns: [TapWindow.Run]
  let columnRuns: [TapWindow.Run]
  /// Lines that each pass of the body prefetches, so that a tile with taps beside the map asks for no fewer.
  let prefetchLines: Int
  /// Weight rows that the body unrolls, so that all bodies of a tile stay where decoded instructions are kept.
  let unrolledRows: Int
  let loops: [ReductionLoop]
  let parts: StripKernel.Parts

  init(_ strip: StripKernel, columns: Int, _ columnRuns: [TapWindow.Run]) {
    self.strip = strip
    self.columns = columns
    pixels = (0..<strip.rows).flatMap { row in (0..<columns).map { (row, $0) } }
    let free = strip.isa.registerCount - pixels.count * strip.blocks
    precondition(free >= 2, "a tile of \(pixels.count)x\(strip.blocks) leaves no registers for operands")
    (loops, parts) = strip.splitLoops
    precondition(loops.count <= Self.loopCounters.count, "too many reduction loops")
    residentBlocks = min(strip.blocks, free - 1)
    let farthest = (columns - 1) * strip.source.column + strip.bodyRows * 4
    sourceBias = strip.isa.hasEmbeddedBroadcast && farthest > 512 ? 512 : 0
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

  static func loadArguments(_ code: inout Assembler, hasResidual: Bool, prefetches: Bool) {
    code.emit(.load, source, Address(.rdi, 0))
    code.emit(.load, output, Address(.rdi, 8))
    code.emit(.load, weights, Address(.rdi, 16))
    code.emit(.load, bias, Address(.rdi, 24))
    if hasResidual { code.emit(.load, residual, Address(.rdi, 32)) }
    if prefetches { code.emit(.load, prefetch, Address(.rdi, 40)) }
  }

  private var lanesByteCount: Int { strip.isa.byteCount }
  private func accumulator(_ pixel: Int, _ block: Int) -> Vector { Vector(pixel * strip.blocks + block) }
  private func weight(_ block: Int) -> Vector { Vector(pixels.count * strip.blocks + block) }
  private var pixelValue: Vector { Vector(strip.isa.registerCount - 1) }

  private func displacement(_ steps: PixelSteps, _ pixel: Int, _ block: Int) -> Int {
    pixels[pixel].row * steps.row + pixels[pixel].column * steps.column + block * steps.block
  }

  func emitTile(_ kernel: inout KernelAssembler) {
    emitStart(&kernel)
    emitPrefetches(&kernel)
    kernel.code.emit(.lea, Self.tileSource, Address(Self.source, sourceBias))
    kernel.code.emit(.load, Self.tileWeights, Self.weights)
    if parts != .whole { forEachSum { kernel.store($1, $0) } }
    emitLoops(&kernel, depth: loops.count)
    emitEpilogue(&kernel)
    kernel.code.advance(Self.source, by: columns * strip.source.column)
    kernel.code.advance(Self.output, by: columns * strip.output.column)
    if let residual = strip.residual { kernel.code.advance(Self.residual, by: columns * residual.column) }
  }

  /// Room on the stack for one tile's sums, aligned to a cache line.
  static func enterFrame(_ strip: StripKernel, _ kernel: inout KernelAssembler) {
    let widest = strip.segments.map(\.columns).max() ?? 1
    kernel.code.emit(.load, callersStack, .rsp)
    kernel.code.emit(
      .subImmediate, .rsp, immediate: strip.rows * widest * strip.blocks * strip.isa.byteCount + 64)
    kernel.code.emit(.andImmediate, .rsp, immediate: -64)
  }

  /// Every accumulator with its place on the stack.
  private func forEachSum(_ body: (Vector, Address) -> Void) {
    for index in 0..<(pixels.count * strip.blocks) {
      body(Vector(index), Address(.rsp, index * lanesByteCount))
    }
  }

  /// Asks early for what the epilogue adds and overwrites: maps beyond L2 cost a tile of a 1x1 layer 5 % otherwise.
  private func emitPrefetches(_ kernel: inout KernelAssembler) {
    guard let residual = strip.residual else { return }
    for block in 0..<strip.blocks {
      for pixel in pixels.indices {
        kernel.code.emit(.prefetchT0, Address(Self.residual, displacement(residual, pixel, block)))
        kernel.code.emit(.prefetchW, Address(Self.output, displacement(strip.output, pixel, block)))
      }
    }
  }

  private func emitStart(_ kernel: inout KernelAssembler) {
    for block in 0..<strip.blocks {
      switch strip.start {
      case .zero: kernel.zero(accumulator(0, block))
      case .bias: kernel.load(accumulator(0, block), Address(Self.bias, block * lanesByteCount))
      case .output: break
      }
    }
    for pixel in pixels.indices {
      for block in 0..<strip.blocks {
        if strip.start == .output {
          kernel.load(
            accumulator(pixel, block), Address(Self.output, displacement(strip.output, pixel, block)))
        } else if pixel > 0 {
          kernel.copy(accumulator(pixel, block), accumulator(0, block))
        }
      }
    }
  }

  /// Loops from the outermost (`depth` = all) to the taps (`depth` = 0).
  private func emitLoops(_ kernel: inout KernelAssembler, depth: Int) {
    guard depth > 0 else { return emitTaps(&kernel) }
    let loop = loops[depth - 1]
    // What is inside has left the source at its own end.
    let insideStep =
      depth > 1
      ? loops[depth - 2].count * loops[depth - 2].sourceStep : strip.taps.height * strip.taps.rowStep
    let isPart = parts == .loop && depth == loops.count
    kernel.loop(Self.loopCounters[depth - 1], loop.count) { kernel in
      emitPart(&kernel, isPart) { emitLoops(&$0, depth: depth - 1) }
      kernel.code.advance(Self.tileSource, by: loop.sourceStep - insideStep)
    }
  }

  /// `body`, whose sums start at zero and are added to those on the stack if it is a part.
  private func emitPart(
    _ kernel: inout KernelAssembler, _ isPart: Bool, _ body: (inout KernelAssembler) -> Void
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

  /// Every tap with the pixels that it finds on the map.
  private func emitTaps(_ kernel: inout KernelAssembler) {
    let taps = strip.taps
    for rowRun in rowRuns {
      guard rowRun.hasLivePixels else {
        kernel.code.advance(Self.tileSource, by: rowRun.taps * taps.rowStep)
        kernel.code.advance(Self.tileWeights, by: rowRun.taps * taps.width * tapWeightByteCount)
        continue
      }
      kernel.loop(Self.rowCounter, rowRun.taps) { kernel in
        emitPart(&kernel, parts == .kernelRow) { kernel in
          for columnRun in columnRuns { emitColumns(&kernel, rowRun, columnRun) }
        }
        kernel.code.advance(Self.tileSource, by: taps.rowStep - taps.width * taps.columnStep)
      }
    }
  }

  private func emitColumns(
    _ kernel: inout KernelAssembler, _ rowRun: TapWindow.Run, _ columnRun: TapWindow.Run
  ) {
    guard columnRun.hasLivePixels else {
      kernel.code.advance(Self.tileSource, by: columnRun.taps * strip.taps.columnStep)
      kernel.code.advance(Self.tileWeights, by: columnRun.taps * tapWeightByteCount)
      return
    }
    let live = pixels.indices.filter {
      rowRun.isLive[pixels[$0].row] && columnRun.isLive[pixels[$0].column]
    }
    kernel.loop(Self.columnCounter, columnRun.taps) { kernel in
      emitBody(&kernel, pixels: live)
      kernel.code.advance(Self.tileSource, by: strip.taps.columnStep)
    }
  }

  /// One tap of one channel block for the tile's pixels in `live`.
  private func emitBody(_ kernel: inout KernelAssembler, pixels live: [Int]) {
    let passes = strip.bodyRows / unrolledRows
    kernel.loop(Self.bodyCounter, passes) { kernel in
      emitRows(&kernel, pixels: live, lines: (prefetchLines + passes - 1) / passes)
      if passes > 1 { kernel.code.advance(Self.tileSource, by: unrolledRows * 4) }
    }
    if passes > 1 { kernel.code.advance(Self.tileSource, by: -strip.bodyRows * 4) }
  }

  private func emitRows(_ kernel: inout KernelAssembler, pixels live: [Int], lines: Int) {
    let rowByteCount = strip.weightBlocks * lanesByteCount
    for row in 0..<unrolledRows {
      for block in 0..<residentBlocks {
        kernel.load(weight(block), Address(Self.tileWeights, row * rowByteCount + block * lanesByteCount))
      }
      for line in (row * lines / unrolledRows)..<((row + 1) * lines / unrolledRows) {
        kernel.code.emit(.prefetchT0, Address(Self.prefetch, line * 64))
      }
      for pixel in live {
        let from = displacement(strip.source, pixel, 0) + row * 4 - sourceBias
        kernel.broadcast(pixelValue, Address(Self.tileSource, from))
        for block in 0..<strip.blocks {
          let weights: VectorOrMemory =
            block < residentBlocks
            ? .vector(weight(block))
            : .memory(Address(Self.tileWeights, row * rowByteCount + block * lanesByteCount))
          kernel.multiplyAdd(accumulator(pixel, block), pixelValue, weights)
        }
      }
    }
    kernel.code.advance(Self.tileWeights, by: unrolledRows * rowByteCount)
    kernel.code.advance(Self.prefetch, by: lines * 64)
  }

  private func emitEpilogue(_ kernel: inout KernelAssembler) {
    if strip.hasReLU { kernel.zero(pixelValue) }
    for pixel in pixels.indices {
      for block in 0..<strip.blocks {
        let sum = accumulator(pixel, block)
        if let residual = strip.residual {
          kernel.add(sum, sum, Address(Self.residual, displacement(residual, pixel, block)))
        }
        if strip.hasReLU { kernel.rectify(sum, zero: pixelValue) }
        kernel.store(Address(Self.output, displacement(strip.output, pixel, block)), sum)
      }
    }
  }
}
