#if arch(x86_64)
  /// One-dimensional transforms on registers; temporaries come from `free` and return to it.
  private struct WinogradEmitter {
    var isa: VectorISA
    var free: [Vector]
    /// Registers that hold 2, 4 and 8 in every lane, as far as the transform needs them.
    var constants: [Int: Vector] = [:]

    init(_ isa: VectorISA) {
      self.isa = isa
      free = (0..<isa.registerCount).reversed().map { Vector($0) }
    }

    mutating func take() -> Vector {
      guard let register = free.popLast() else { preconditionFailure("a transform ran out of registers") }
      return register
    }

    mutating func give(_ registers: Vector...) { free += registers }

    /// Fills a register with a small power of two, made from its bits through the stack.
    mutating func makeConstants(_ values: [Int], _ kernel: inout KernelAssembler, stack: Address) {
      for value in values {
        let register = take()
        kernel.code.emit(.moveImmediate, .rax, immediate: Int(Float(value).bitPattern))
        kernel.code.emit(.store, .rax, stack)
        kernel.broadcast(register, stack)
        constants[value] = register
      }
    }

    private func constant(_ value: Int) -> Vector {
      guard let register = constants[value] else { preconditionFailure("constant \(value) was not made") }
      return register
    }

    /// `B^T d` in place: the registers of `d` are given back, the result's are taken.
    mutating func input(_ scheme: WinogradScheme, _ d: [Vector], _ kernel: inout KernelAssembler) -> [Vector]
    {
      switch scheme {
      case .f2:
        let (difference, sum, reverse, last) = (take(), take(), take(), take())
        kernel.subtract(difference, d[0], d[2])
        kernel.add(sum, d[1], d[2])
        kernel.subtract(reverse, d[2], d[1])
        kernel.subtract(last, d[1], d[3])
        free += d
        return [difference, sum, reverse, last]
      case .f4:
        // o0 = 4(d0-d2) + s   o1,2 = (d4-4d2) ± (d3-4d1)   o3,4 = s ± 2t   o5 = (d5-d3) - 4t   s = d4-d2   t = d3-d1
        let (s, t, u, v) = (take(), take(), take(), take())
        kernel.subtract(s, d[4], d[2])
        kernel.subtract(t, d[3], d[1])
        kernel.subtract(d[0], d[0], d[2])
        kernel.vector(.fma213, d[0], constant(4), .vector(s))
        kernel.vector(.fnma213, d[2], constant(4), .vector(d[4]))
        kernel.vector(.fnma213, d[1], constant(4), .vector(d[3]))
        kernel.add(u, d[2], d[1])
        kernel.subtract(v, d[2], d[1])
        kernel.subtract(d[5], d[5], d[3])
        kernel.vector(.fnma231, d[5], constant(4), .vector(t))
        kernel.copy(d[1], s)
        kernel.vector(.fma231, s, constant(2), .vector(t))
        kernel.vector(.fnma231, d[1], constant(2), .vector(t))
        let result = [d[0], u, v, s, d[1], d[5]]
        give(t, d[2], d[3], d[4])
        return result
      }
    }

    /// `A^T m` in place.
    mutating func output(_ scheme: WinogradScheme, _ m: [Vector], _ kernel: inout KernelAssembler) -> [Vector]
    {
      switch scheme {
      case .f2:
        kernel.add(m[0], m[0], m[1])
        kernel.add(m[0], m[0], m[2])
        kernel.subtract(m[1], m[1], m[2])
        kernel.subtract(m[1], m[1], m[3])
        give(m[2], m[3])
        return [m[0], m[1]]
      case .f4:
        // a, b = m1 ± m2   c, e = m3 ± m4   y0 = m0+a+c   y1 = b+2e   y2 = a+4c   y3 = b+8e+m5
        let (a, c) = (take(), take())
        kernel.add(a, m[1], m[2])
        kernel.subtract(m[1], m[1], m[2])
        kernel.add(c, m[3], m[4])
        kernel.subtract(m[3], m[3], m[4])
        kernel.add(m[0], m[0], a)
        kernel.add(m[0], m[0], c)
        kernel.vector(.fma231, a, constant(4), .vector(c))
        kernel.add(m[5], m[5], m[1])
        kernel.vector(.fma231, m[5], constant(8), .vector(m[3]))
        kernel.vector(.fma231, m[1], constant(2), .vector(m[3]))
        give(m[2], m[3], m[4], c)
        return [m[0], m[1], a, m[5]]
      }
    }
  }

  /// A stack frame aligned to 64 bytes for in-between values; rbp holds the old stack pointer.
  private enum AlignedFrame {
    static func enter(_ kernel: inout KernelAssembler, byteCount: Int) {
      kernel.enter(saving: [.rbp, .rbx])
      kernel.code.emit(.load, .rbp, .rsp)
      kernel.code.emit(.subImmediate, .rsp, immediate: byteCount + 64)
      kernel.code.emit(.andImmediate, .rsp, immediate: -64)
    }

    static func leave(_ kernel: inout KernelAssembler) {
      kernel.code.emit(.load, .rsp, .rbp)
      kernel.leave(restoring: [.rbp, .rbx])
    }
  }

  extension WinogradInputKernel {
    /// Appends the function to `kernel`.
    package func emit(into kernel: inout KernelAssembler) {
      let side = scheme.inputSide
      AlignedFrame.enter(&kernel, byteCount: side * side * isa.byteCount)
      kernel.code.emit(.load, .rsi, Address(.rdi, 0))
      kernel.code.emit(.load, .rdx, Address(.rdi, 8))
      var emitter = WinogradEmitter(isa)
      if scheme == .f4 { emitter.makeConstants([2, 4], &kernel, stack: Address(.rsp)) }
      let wholeTiles = lastValidColumns < side ? tiles - 1 : tiles
      for (count, columns) in [(wholeTiles, side), (tiles - wholeTiles, lastValidColumns)] where count > 0 {
        kernel.loop(.rbx, count) { kernel in
          emitTile(&kernel, emitter, columns: columns)
          kernel.code.advance(.rsi, by: scheme.outputSide * isa.byteCount)
          kernel.code.advance(.rdx, by: tile)
        }
      }
      AlignedFrame.leave(&kernel)
    }

    /// Columns first, by way of the stack, then rows.
    private func emitTile(_ kernel: inout KernelAssembler, _ start: WinogradEmitter, columns: Int) {
      var emitter = start
      let side = scheme.inputSide
      func slot(_ row: Int, _ column: Int) -> Address { Address(.rsp, (row * side + column) * isa.byteCount) }
      for column in 0..<columns {
        let pixels = (0..<side).map { row in
          let register = emitter.take()
          if row < validRows {
            kernel.load(register, Address(.rsi, row * sourceRow + column * isa.byteCount))
          } else {
            kernel.zero(register)
          }
          return register
        }
        let transformed = emitter.input(scheme, pixels, &kernel)
        for (row, register) in transformed.enumerated() { kernel.store(slot(row, column), register) }
        emitter.free += transformed
      }
      for row in 0..<side {
        let values = (0..<side).map { column in
          let register = emitter.take()
          if column < columns { kernel.load(register, slot(row, column)) } else { kernel.zero(register) }
          return register
        }
        let transformed = emitter.input(scheme, values, &kernel)
        for (column, register) in transformed.enumerated() {
          kernel.store(Address(.rdx, (row * side + column) * component), register)
        }
        emitter.free += transformed
      }
    }
  }

  extension WinogradOutputKernel {
    /// Appends the function to `kernel`.
    package func emit(into kernel: inout KernelAssembler) {
      let (side, outputs) = (scheme.inputSide, scheme.outputSide)
      AlignedFrame.enter(&kernel, byteCount: outputs * side * isa.byteCount)
      kernel.code.emit(.load, .rsi, Address(.rdi, 0))
      kernel.code.emit(.load, .rdx, Address(.rdi, 8))
      kernel.code.emit(.load, .r8, Address(.rdi, 16))
      if residualRow != nil { kernel.code.emit(.load, .r9, Address(.rdi, 24)) }
      var emitter = WinogradEmitter(isa)
      if scheme == .f4 { emitter.makeConstants([2, 4, 8], &kernel, stack: Address(.rsp)) }
      let wholeTiles = lastValidColumns < outputs ? tiles - 1 : tiles
      for (count, columns) in [(wholeTiles, outputs), (tiles - wholeTiles, lastValidColumns)] where count > 0
      {
        kernel.loop(.rbx, count) { kernel in
          emitTile(&kernel, emitter, columns: columns)
          kernel.code.advance(.rsi, by: tile)
          kernel.code.advance(.rdx, by: outputs * isa.byteCount)
          if residualRow != nil { kernel.code.advance(.r9, by: outputs * isa.byteCount) }
        }
      }
      AlignedFrame.leave(&kernel)
    }

    private func emitTile(_ kernel: inout KernelAssembler, _ start: WinogradEmitter, columns: Int) {
      var emitter = start
      let side = scheme.inputSide
      func slot(_ row: Int, _ column: Int) -> Address { Address(.rsp, (row * side + column) * isa.byteCount) }
      for column in 0..<side {
        let products = (0..<side).map { row in
          let register = emitter.take()
          kernel.load(register, Address(.rsi, (row * side + column) * component))
          return register
        }
        let transformed = emitter.output(scheme, products, &kernel)
        for (row, register) in transformed.enumerated() { kernel.store(slot(row, column), register) }
        emitter.free += transformed
      }
      let zero = hasReLU ? emitter.take() : nil
      if let zero { kernel.zero(zero) }
      for row in 0..<validRows {
        let values = (0..<side).map { column in
          let register = emitter.take()
          kernel.load(register, slot(row, column))
          return register
        }
        let transformed = emitter.output(scheme, values, &kernel)
        for (column, register) in transformed.enumerated().prefix(columns) {
          kernel.add(register, register, Address(.r8))
          if let residualRow {
            kernel.add(register, register, Address(.r9, row * residualRow + column * isa.byteCount))
          }
          if let zero { kernel.rectify(register, zero: zero) }
          kernel.store(Address(.rdx, row * outputRow + column * isa.byteCount), register)
        }
        emitter.free += transformed
      }
    }
  }
#endif
