import FixresAssembler

extension KernelAssembler {
  /// `best = max(best, value)` where a NaN of either wins, as in torch; `vmaxps` alone would drop one in `best`.
  fileprivate mutating func accumulateMaximum(
    _ best: Vector, _ value: Address, spare: Vector, spare2: Vector
  ) {
    vector(.maximum, spare, best, .memory(value))
    if isa.level == .avx512 {
      vector(.compareToMask, Vector(1), best, .vector(best), immediate: 3)
      vector(.blendByMask, best, spare, .vector(best), mask: Mask(1))
    } else {
      vector(.compare, spare2, best, .vector(best), immediate: 3)
      vector(.blend, best, spare, .vector(best), immediate: spare2.index << 4)
    }
  }
}

extension PoolKernel {
  /// Interior pixels that share a pass over the rows: independent chains.
  private static let unroll = 4

  /// Appends the function to `kernel`.
  package func emit(into kernel: inout KernelAssembler) {
    let saved: [Register] = [.rbx, .r12]
    kernel.enter(saving: saved)
    kernel.code.emit(.load, .rsi, Address(.rdi, 0))
    kernel.code.emit(.load, .rdx, Address(.rdi, 8))
    kernel.code.emit(.load, .r8, Address(.rdi, 16))
    kernel.code.emit(.load, .r9, Address(.rdi, 24))
    var x = 0
    while x < outputWidth {
      // A run of windows that are whole; clipped ones stand alone.
      var end = x
      while end < outputWidth && window(end).count == kernelWidth { end += 1 }
      let whole = (end - x) / Self.unroll
      if whole > 0 {
        kernel.code.emit(.lea, .r11, Address(.rsi, window(x).lowerBound * isa.byteCount))
        let first = x
        kernel.loop(.r12, whole) { kernel in
          emitPixels(&kernel, first, Self.unroll)
          kernel.code.advance(.r11, by: Self.unroll * stride * isa.byteCount)
          kernel.code.advance(.rdx, by: Self.unroll * isa.byteCount)
          kernel.code.advance(.r8, by: Self.unroll * 4)
        }
        x += whole * Self.unroll
      } else {
        kernel.code.emit(.lea, .r11, Address(.rsi, window(x).lowerBound * isa.byteCount))
        emitPixels(&kernel, x, 1)
        kernel.code.advance(.rdx, by: isa.byteCount)
        kernel.code.advance(.r8, by: 4)
        x += 1
      }
    }
    kernel.leave(restoring: saved)
  }

  /// `count` pixels from column `x`, their first window at r11.
  private func emitPixels(_ kernel: inout KernelAssembler, _ x: Int, _ count: Int) {
    let taps = window(x).count
    func place(_ pixel: Int, _ tap: Int) -> Address {
      Address(.rax, (pixel * stride + tap) * isa.byteCount)
    }
    let (spare, spare2) = (Vector(14), Vector(15))
    kernel.code.emit(.load, .rax, .r11)
    kernel.code.emit(.load, .rbx, .r9)
    for pixel in 0..<count {
      if isMaximum { kernel.load(Vector(pixel), place(pixel, 0)) } else { kernel.zero(Vector(pixel)) }
    }
    let top = kernel.code.here()
    for tap in 0..<taps {
      for pixel in 0..<count {
        if isMaximum {
          kernel.accumulateMaximum(Vector(pixel), place(pixel, tap), spare: spare, spare2: spare2)
        } else {
          kernel.add(Vector(pixel), Vector(pixel), place(pixel, tap))
        }
      }
    }
    kernel.code.advance(.rax, by: sourceRow)
    kernel.code.emit(.dec, .rbx)
    kernel.code.jump(.notZero, to: top)
    for pixel in 0..<count {
      if !isMaximum {
        kernel.broadcast(spare, Address(.r8, pixel * 4))
        kernel.vector(.divide, Vector(pixel), Vector(pixel), .vector(spare))
      }
      kernel.store(Address(.rdx, pixel * isa.byteCount), Vector(pixel))
    }
  }
}

extension GlobalPoolKernel {
  /// Appends the function to `kernel`: rows are summed first, so that a large map's error stays that of its rows.
  package func emit(into kernel: inout KernelAssembler) {
    let saved: [Register] = [.rbx, .r12]
    let (spare, spare2) = (Vector(14), Vector(15))
    func total(_ block: Int) -> Vector { Vector(block) }
    func row(_ block: Int) -> Vector { Vector(blocks + block) }
    precondition(2 * blocks <= 14, "a whole-map kernel takes at most 7 blocks")
    kernel.enter(saving: saved)
    kernel.code.emit(.load, .rsi, Address(.rdi, 0))
    kernel.code.emit(.load, .rdx, Address(.rdi, 8))
    kernel.code.emit(.load, .r8, Address(.rdi, 16))
    for block in 0..<blocks {
      if isMaximum {
        kernel.load(total(block), Address(.rsi, block * sourceBlock))
      } else {
        kernel.zero(total(block))
      }
    }
    kernel.loop(.r12, height) { kernel in
      if !isMaximum { for block in 0..<blocks { kernel.zero(row(block)) } }
      kernel.loop(.rbx, width) { kernel in
        for block in 0..<blocks {
          let pixel = Address(.rsi, block * sourceBlock)
          if isMaximum {
            kernel.accumulateMaximum(total(block), pixel, spare: spare, spare2: spare2)
          } else {
            kernel.add(row(block), row(block), pixel)
          }
        }
        kernel.code.advance(.rsi, by: isa.byteCount)
      }
      if !isMaximum { for block in 0..<blocks { kernel.add(total(block), total(block), row(block)) } }
      kernel.code.advance(.rsi, by: sourceRow - width * isa.byteCount)
    }
    if !isMaximum { kernel.broadcast(spare, Address(.r8)) }
    for block in 0..<blocks {
      if !isMaximum { kernel.vector(.divide, total(block), total(block), .vector(spare)) }
      kernel.store(Address(.rdx, block * outputBlock), total(block))
    }
    kernel.leave(restoring: saved)
  }
}
