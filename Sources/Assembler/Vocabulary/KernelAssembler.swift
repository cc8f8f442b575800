/// An assembler that knows one vector ISA: the vocabulary of the kernel emitters.
package struct KernelAssembler {
  package var code: Assembler
  package let isa: VectorISA

  package init(_ isa: VectorISA, recordsListing: Bool = false) {
    self.isa = isa
    code = Assembler(recordsListing: recordsListing)
  }

  private var length: VectorLength { isa.level == .avx512 ? .zmm : .ymm }

  /// Emits a vector instruction in the ISA's encoding and width.
  package mutating func vector(
    _ row: VectorInstruction, _ register: Vector, _ second: Vector?, _ last: VectorOrMemory,
    mask: Mask = Mask(0), zeroing: Bool = false, immediate: UInt8? = nil
  ) {
    code.vector(
      row, length, evex: isa.level == .avx512,
      .init(
        register: register.index, second: second?.index ?? 0, last: last, mask: mask, zeroing: zeroing,
        immediate: immediate))
  }

  /// The same for an instruction of two operands.
  package mutating func vector(
    _ row: VectorInstruction, _ register: Vector, _ last: VectorOrMemory, immediate: UInt8? = nil
  ) {
    vector(row, register, nil, last, immediate: immediate)
  }

  // MARK: The words that most kernels need

  package mutating func load(_ to: Vector, _ from: Address) { vector(.loadUnaligned, to, .memory(from)) }

  package mutating func store(_ to: Address, _ from: Vector) { vector(.storeUnaligned, from, .memory(to)) }

  package mutating func copy(_ to: Vector, _ from: Vector) { vector(.move, to, .vector(from)) }

  /// All lanes become the 32-bit element at `from`.
  package mutating func broadcast(_ to: Vector, _ from: Address) { vector(.broadcast, to, .memory(from)) }

  package mutating func zero(_ register: Vector) {
    vector(isa.level == .avx512 ? .xorInteger : .xor, register, register, .vector(register))
  }

  /// `sum += a * b`
  package mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: VectorOrMemory) {
    vector(.fma231, sum, a, b)
  }

  package mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) {
    vector(.fma231, sum, a, .vector(b))
  }

  package mutating func add(_ to: Vector, _ a: Vector, _ b: Vector) { vector(.add, to, a, .vector(b)) }

  package mutating func add(_ to: Vector, _ a: Vector, _ b: Address) { vector(.add, to, a, .memory(b)) }

  package mutating func subtract(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.subtract, to, a, .vector(b))
  }

  package mutating func multiply(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.multiply, to, a, .vector(b))
  }

  /// `max(0, register)`; the second operand of `vmaxps` wins over NaN, so that NaN stays visible.
  package mutating func rectify(_ register: Vector, zero: Vector) {
    vector(.maximum, register, zero, .vector(register))
  }

  // MARK: Frame

  /// Registers that the caller expects unchanged, saved by `enter` and restored by `leave`.
  package static let calleeSaved: [Register] = [.rbx, .rbp, .r12, .r13, .r14, .r15]

  package mutating func enter(saving registers: [Register]) {
    for register in registers { code.push(register) }
  }

  package mutating func leave(restoring registers: [Register]) {
    for register in registers.reversed() { code.pop(register) }
    code.emit(.vzeroupper)
    code.emit(.ret)
  }

  /// Repeats `body` `count` times with `counter`; a single pass needs no loop.
  package mutating func loop(_ counter: Register, _ count: Int, _ body: (inout KernelAssembler) -> Void) {
    guard count > 1 else {
      if count == 1 { body(&self) }
      return
    }
    code.emit(.moveImmediate, counter, immediate: count)
    let top = code.here()
    body(&self)
    code.emit(.dec, counter)
    code.jump(.notZero, to: top)
  }
}

extension Assembler {
  /// Emits one vector instruction at a width, in EVEX or VEX; `second` is ignored by forms without one.
  package mutating func emitVector(
    _ row: VectorInstruction, _ length: VectorLength, evex: Bool, _ register: Vector, _ second: Vector,
    _ last: VectorOrMemory, immediate: UInt8? = nil, mask: Mask = Mask(0), zeroing: Bool = false
  ) {
    let second = row.form == .load || row.form == .store ? 0 : second.index
    vector(
      row, length, evex: evex,
      .init(
        register: register.index, second: second, last: last, mask: mask, zeroing: zeroing,
        immediate: immediate))
  }

  /// Emits one vector instruction at a width, in EVEX or VEX.
  mutating func vector(
    _ row: VectorInstruction, _ length: VectorLength, evex: Bool, _ operands: VectorOperands
  ) {
    record { Assembler.text(row, length, operands, evex: evex) }
    if evex {
      appendEVEX(row, length, operands)
    } else {
      appendVEX(row, length, operands)
    }
  }
}
