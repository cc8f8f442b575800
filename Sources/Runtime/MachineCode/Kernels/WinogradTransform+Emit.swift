import FixresAssembler

/// One-dimensional transforms on registers. Registers are allocated from the stack `free` and returned to it, so that
/// a value's register depends only on the order of calls.
private struct WinogradEmitter {
  var isa: VectorISA
  var free: [Vector]
  /// Registers that hold one number in every lane.
  var constants: [Float: Vector] = [:]

  init(_ isa: VectorISA) {
    self.isa = isa
    free = (0..<isa.registerCount).reversed().map { Vector($0) }
  }

  mutating func take() -> Vector {
    guard let register = free.popLast() else { preconditionFailure("a transform ran out of registers") }
    return register
  }

  mutating func give(_ registers: Vector...) { free += registers }

  /// Fills registers with positive numbers.
  mutating func makeConstants(_ values: [Float], _ kernel: inout some KernelAssembler) {
    for value in values {
      let register = take()
      kernel.broadcast(register, constant: value, slot: MemoryOperand(.frame))
      constants[value] = register
    }
  }

  private func constant(_ value: Float) -> Vector {
    guard let register = constants[value] else { preconditionFailure("constant \(value) was not made") }
    return register
  }

  /// What the transforms of F(4x4) multiply by: powers of its points.
  static func inputConstants() -> [Float] {
    let (a, b) = (WinogradScheme.near, WinogradScheme.far)
    return [a, b, a * a, b * b]
  }

  static func outputConstants() -> [Float] {
    let (a, b) = (WinogradScheme.near, WinogradScheme.far)
    return [a, b, a * a, b * b, a * a * a, b * b * b]
  }

  /// `B^T d`: returns the registers of the result and frees those of `d` that it does not use.
  mutating func input(_ scheme: WinogradScheme, _ d: [Vector], _ kernel: inout some KernelAssembler)
    -> [Vector]
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
    case .polyphase2:
      kernel.subtract(d[0], d[0], d[2])
      kernel.subtract(d[4], d[2], d[4])
      return [d[0], d[2], d[4], d[1], d[3]]
    case .f4:
      // s = d4 - b²d2   t = d3 - b²d1   u = d4 - a²d2   v = d3 - a²d1   x = d2 - b²d0
      // o0 = s - a²x   o1, o2 = s ± at   o3, o4 = u ± bv   o5 = d5 - b²d3 - a²t
      let (a, b) = (constant(WinogradScheme.near), constant(WinogradScheme.far))
      let a2 = constant(WinogradScheme.near * WinogradScheme.near)
      let b2 = constant(WinogradScheme.far * WinogradScheme.far)
      let (s, t) = (take(), take())
      kernel.copy(s, d[4])
      kernel.subtractProduct(s, d[2], b2)
      kernel.copy(t, d[3])
      kernel.subtractProduct(t, d[1], b2)
      kernel.subtractProduct(d[5], d[3], b2)
      kernel.subtractProduct(d[5], t, a2)
      kernel.subtractProduct(d[4], d[2], a2)
      kernel.subtractProduct(d[3], d[1], a2)
      kernel.subtractProduct(d[2], d[0], b2)
      kernel.copy(d[0], s)
      kernel.subtractProduct(d[0], d[2], a2)
      kernel.copy(d[1], s)
      kernel.multiplyAdd(s, t, a)
      kernel.subtractProduct(d[1], t, a)
      kernel.copy(d[2], d[4])
      kernel.multiplyAdd(d[4], d[3], b)
      kernel.subtractProduct(d[2], d[3], b)
      give(t, d[3])
      return [d[0], s, d[1], d[4], d[2], d[5]]
    }
  }

  /// `A^T m`, likewise.
  mutating func output(_ scheme: WinogradScheme, _ m: [Vector], _ kernel: inout some KernelAssembler)
    -> [Vector]
  {
    switch scheme {
    case .f2:
      kernel.add(m[0], m[0], m[1])
      kernel.add(m[0], m[0], m[2])
      kernel.subtract(m[1], m[1], m[2])
      kernel.subtract(m[1], m[1], m[3])
      give(m[2], m[3])
      return [m[0], m[1]]
    case .polyphase2:
      kernel.add(m[0], m[0], m[1])
      kernel.add(m[0], m[0], m[3])
      kernel.subtract(m[1], m[1], m[2])
      kernel.add(m[1], m[1], m[4])
      give(m[2], m[3], m[4])
      return [m[0], m[1]]
    case .f4:
      // p, q = m1 ± m2   r, w = m3 ± m4   y0 = m0+p+r   y1 = aq+bw   y2 = a²p+b²r   y3 = m5+a³q+b³w
      let (a, b) = (WinogradScheme.near, WinogradScheme.far)
      let (p, r) = (take(), take())
      kernel.add(p, m[1], m[2])
      kernel.subtract(m[1], m[1], m[2])
      kernel.add(r, m[3], m[4])
      kernel.subtract(m[3], m[3], m[4])
      kernel.add(m[0], m[0], p)
      kernel.add(m[0], m[0], r)
      kernel.multiplyAdd(m[5], m[1], constant(a * a * a))
      kernel.multiplyAdd(m[5], m[3], constant(b * b * b))
      kernel.multiply(m[1], m[1], constant(a))
      kernel.multiplyAdd(m[1], m[3], constant(b))
      kernel.multiply(p, p, constant(a * a))
      kernel.multiplyAdd(p, r, constant(b * b))
      give(m[2], m[3], m[4], r)
      return [m[0], m[1], p, m[5]]
    }
  }
}

extension WinogradInputKernel {
  /// Appends the function to `kernel`.
  package func emit(into kernel: inout some KernelAssembler) {
    let side = scheme.inputSide
    let frame = FunctionFrame(counters: [.counter0], stackByteCount: side * side * isa.byteCount)
    kernel.function(frame) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      var emitter = WinogradEmitter(isa)
      if scheme == .f4 { emitter.makeConstants(WinogradEmitter.inputConstants(), &kernel) }
      let wholeTiles = lastValidColumns < side ? tiles - 1 : tiles
      for (count, columns) in [(wholeTiles, side), (tiles - wholeTiles, lastValidColumns)] where count > 0 {
        kernel.loop(.counter0, count) { kernel in
          emitTile(&kernel, emitter, columns: columns)
          kernel.advance(.source, by: scheme.inputStep * isa.byteCount)
          kernel.advance(.output, by: tile)
        }
      }
    }
  }

  /// Columns first, through the stack frame, then rows.
  private func emitTile(_ kernel: inout some KernelAssembler, _ start: WinogradEmitter, columns: Int) {
    var emitter = start
    let side = scheme.inputSide
    func slot(_ row: Int, _ column: Int) -> MemoryOperand {
      MemoryOperand(.frame, (row * side + column) * isa.byteCount)
    }
    for column in 0..<columns {
      let pixels = (0..<side).map { row in
        let register = emitter.take()
        if row < validRows {
          kernel.load(register, MemoryOperand(.source, row * sourceRow + column * isa.byteCount))
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
        kernel.store(MemoryOperand(.output, (row * side + column) * component), register)
      }
      emitter.free += transformed
    }
  }
}

extension WinogradOutputKernel {
  /// Appends the function to `kernel`.
  package func emit(into kernel: inout some KernelAssembler) {
    let (side, outputs) = (scheme.inputSide, scheme.outputSide)
    let frame = FunctionFrame(counters: [.counter0], stackByteCount: outputs * side * isa.byteCount)
    kernel.function(frame) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      kernel.loadArgument(.bias, field: 2)
      if residualRow != nil { kernel.loadArgument(.residual, field: 3) }
      var emitter = WinogradEmitter(isa)
      if scheme == .f4 { emitter.makeConstants(WinogradEmitter.outputConstants(), &kernel) }
      let wholeTiles = lastValidColumns < outputs ? tiles - 1 : tiles
      for (count, columns) in [(wholeTiles, outputs), (tiles - wholeTiles, lastValidColumns)]
      where count > 0 {
        kernel.loop(.counter0, count) { kernel in
          emitTile(&kernel, emitter, columns: columns)
          kernel.advance(.source, by: tile)
          kernel.advance(.output, by: outputs * isa.byteCount)
          if residualRow != nil { kernel.advance(.residual, by: outputs * isa.byteCount) }
        }
      }
    }
  }

  private func emitTile(_ kernel: inout some KernelAssembler, _ start: WinogradEmitter, columns: Int) {
    var emitter = start
    let side = scheme.inputSide
    func slot(_ row: Int, _ column: Int) -> MemoryOperand {
      MemoryOperand(.frame, (row * side + column) * isa.byteCount)
    }
    for column in 0..<side {
      let products = (0..<side).map { row in
        let register = emitter.take()
        kernel.load(register, MemoryOperand(.source, (row * side + column) * component))
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
        kernel.add(register, register, MemoryOperand(.bias))
        if let residualRow {
          kernel.add(register, register, MemoryOperand(.residual, row * residualRow + column * isa.byteCount))
        }
        if let zero { kernel.rectify(register, zero: zero) }
        kernel.store(MemoryOperand(.output, row * outputRow + column * isa.byteCount), register)
      }
      emitter.free += transformed
    }
  }
}
