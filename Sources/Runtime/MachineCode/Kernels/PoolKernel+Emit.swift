import FixresAssembler

extension PoolKernel {
  /// Pixels with whole windows that share a pass over the rows: independent chains of operations.
  private static let unroll = 4

  /// Appends the function to `kernel`.
  package func emit(into kernel: inout some KernelAssembler) {
    kernel.function(FunctionFrame(counters: [.counter0, .counter2])) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      kernel.loadArgument(.divisors, field: 2)
      kernel.loadArgument(.rowCount, field: 3)
      var x = 0
      while x < outputWidth {
        // A run of windows that are whole; clipped ones stand alone.
        let end = wholeWindows.contains(x) ? wholeWindows.upperBound : x
        let whole = (end - x) / Self.unroll
        let (first, pixels) = (x, whole > 0 ? Self.unroll : 1)
        kernel.point(.window, at: MemoryOperand(.source, window(x).lowerBound * isa.byteCount))
        kernel.loop(.counter2, max(whole, 1)) { kernel in
          emitPixels(&kernel, first, pixels)
          if whole > 0 { kernel.advance(.window, by: pixels * stride * isa.byteCount) }
          kernel.advance(.output, by: pixels * isa.byteCount)
          kernel.advance(.divisors, by: pixels * ElementFormat.Accumulator.byteCount)
        }
        x += max(whole, 1) * pixels
      }
    }
  }

  /// `count` pixels from column `x`, the first window of which starts at `.window`.
  private func emitPixels(_ kernel: inout some KernelAssembler, _ x: Int, _ count: Int) {
    let taps = window(x).count
    func source(_ pixel: Int, _ tap: Int) -> MemoryOperand {
      MemoryOperand(.tileSource, (pixel * stride + tap) * isa.byteCount)
    }
    let (spare, spare2) = (Vector(14), Vector(15))
    kernel.copy(.tileSource, .window)
    kernel.copy(.counter0, .rowCount)
    for pixel in 0..<count {
      if isMaximum { kernel.load(Vector(pixel), source(pixel, 0)) } else { kernel.zero(Vector(pixel)) }
    }
    kernel.countDown(.counter0) { kernel in
      for tap in 0..<taps {
        for pixel in 0..<count {
          if isMaximum {
            kernel.maximumKeepingNaN(Vector(pixel), source(pixel, tap), scratch: (spare, spare2))
          } else {
            kernel.add(Vector(pixel), Vector(pixel), source(pixel, tap))
          }
        }
      }
      kernel.advance(.tileSource, by: sourceRow)
    }
    for pixel in 0..<count {
      if !isMaximum {
        kernel.broadcast(spare, MemoryOperand(.divisors, pixel * ElementFormat.Accumulator.byteCount))
        kernel.divide(Vector(pixel), Vector(pixel), spare)
      }
      kernel.store(MemoryOperand(.output, pixel * isa.byteCount), Vector(pixel))
    }
  }
}

extension GlobalPoolKernel {
  /// Appends the function to `kernel`: rows are summed first, so that a large map's error stays that of its rows.
  package func emit(into kernel: inout some KernelAssembler) {
    let (spare, spare2) = (Vector(14), Vector(15))
    func total(_ block: Int) -> Vector { Vector(block) }
    func row(_ block: Int) -> Vector { Vector(blocks + block) }
    precondition(2 * blocks <= 14, "a whole-map kernel takes at most 7 blocks")
    kernel.function(FunctionFrame(counters: [.counter0, .counter2])) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      kernel.loadArgument(.divisors, field: 2)
      for block in 0..<blocks {
        if isMaximum {
          kernel.load(total(block), MemoryOperand(.source, block * sourceBlock))
        } else {
          kernel.zero(total(block))
        }
      }
      kernel.loop(.counter2, height) { kernel in
        if !isMaximum { for block in 0..<blocks { kernel.zero(row(block)) } }
        kernel.loop(.counter0, width) { kernel in
          for block in 0..<blocks {
            let pixel = MemoryOperand(.source, block * sourceBlock)
            if isMaximum {
              kernel.maximumKeepingNaN(total(block), pixel, scratch: (spare, spare2))
            } else {
              kernel.add(row(block), row(block), pixel)
            }
          }
          kernel.advance(.source, by: isa.byteCount)
        }
        if !isMaximum { for block in 0..<blocks { kernel.add(total(block), total(block), row(block)) } }
        kernel.advance(.source, by: sourceRow - width * isa.byteCount)
      }
      if !isMaximum { kernel.broadcast(spare, MemoryOperand(.divisors)) }
      for block in 0..<blocks {
        if !isMaximum { kernel.divide(total(block), total(block), spare) }
        kernel.store(MemoryOperand(.output, block * outputBlock), total(block))
      }
    }
  }
}
