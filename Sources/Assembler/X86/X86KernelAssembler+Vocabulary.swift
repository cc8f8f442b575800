extension X86KernelAssembler: KernelAssembler {
  package var code: AssembledCode { x86.code }

  // MARK: Function

  package mutating func function(_ frame: FunctionFrame, _ body: (inout Self) -> Void) {
    // All registers are the caller's until they are given a value; the row registers are two of those it wants back.
    var saved = frame.counters.map(\.register) + (frame.addressesRows ? Self.savedRowRegisters : [])
    // The caller's stack pointer is kept in rbp, the usual frame pointer, or in r15 where rbp is a counter.
    var callersStack: Register?
    if frame.stackByteCount > 0 {
      let usesFramePointer = !saved.contains(.rbp)
      callersStack = usesFramePointer ? .rbp : .r15
      saved.insert(usesFramePointer ? .rbp : .r15, at: usesFramePointer ? 0 : saved.count)
    }
    for register in saved { x86.emit(.push, register) }
    if let callersStack {
      x86.emit(.move, callersStack, .rsp)
      x86.emit(.subImmediate, define(PointerRole.frame), immediate: frame.stackByteCount + 64)
      x86.emit(.andImmediate, .rsp, immediate: -64)
    }
    if frame.takesCount { _ = define(IntegerRole.passCount) } else { _ = define(PointerRole.arguments) }
    body(&self)
    if let callersStack { x86.emit(.move, .rsp, callersStack) }
    for register in saved.reversed() { x86.emit(.pop, register) }
    // Code of the caller that is compiled for SSE would wait for the upper halves otherwise.
    x86.emit(.vzeroupper)
    x86.emit(.ret)
  }

  package mutating func loadArgument(_ to: PointerRole, field: Int) {
    let from = Address(register(PointerRole.arguments), 8 * field)
    x86.emit(.load, define(to), from)
  }

  package mutating func loadArgument(_ to: IntegerRole, field: Int) {
    let from = Address(register(PointerRole.arguments), 8 * field)
    x86.emit(.load, define(to), from)
  }

  // MARK: Pointers

  package mutating func copy(_ to: PointerRole, _ from: PointerRole) {
    let from = register(from)
    x86.emit(.move, define(to), from)
  }

  package mutating func point(_ to: PointerRole, at location: MemoryOperand) {
    let from = address(location)
    x86.emit(.lea, define(to), from)
  }

  package mutating func advance(_ pointer: PointerRole, by byteCount: Int) {
    if byteCount != 0 { x86.advance(register(pointer), by: byteCount) }
  }

  package mutating func prefetch(_ location: MemoryOperand, for purpose: PrefetchPurpose) {
    switch purpose {
    case .read: x86.emit(.prefetchT0, address(location))
    case .write: x86.emit(.prefetchW, address(location))
    }
  }

  /// EVEX counts the 8 bits of a displacement in elements of 4 bytes, so that they span -512...508; VEX has -128...127,
  /// where a bias gains too little.
  package func displacementBias(farthest: Int) -> Int { isEVEX && farthest > 512 ? 512 : 0 }

  // MARK: Loops

  package mutating func loop(_ counter: IntegerRole, _ count: Int, _ body: (inout Self) -> Void) {
    guard count > 1 else {
      if count == 1 { body(&self) }
      return
    }
    precondition(
      !isHeld(counter), "\(counter) already counts a loop around this one")
    x86.emit(.moveImmediate, define(counter), immediate: count)
    countDown(counter, body)
  }

  package mutating func copy(_ to: IntegerRole, _ from: IntegerRole) {
    let from = register(from)
    x86.emit(.move, define(to), from)
  }

  package mutating func countDown(_ counter: IntegerRole, _ body: (inout Self) -> Void) {
    let top = x86.here()
    body(&self)
    x86.emit(.decrement, register(counter))
    x86.jump(.jumpIfNotZero, to: top)
    release(counter.register)
  }

  package mutating func align(to byteCount: Int) { x86.align(byteCount) }

  // MARK: Vectors

  package mutating func load(_ to: Vector, _ from: MemoryOperand) {
    vector(.loadUnaligned, to, .memory(address(from)))
  }

  package mutating func store(_ to: MemoryOperand, _ from: Vector) {
    vector(.storeUnaligned, from, .memory(address(to)))
  }

  package mutating func copy(_ to: Vector, _ from: Vector) { vector(.move, to, .vector(from)) }

  package mutating func zero(_ register: Vector) {
    vector(isEVEX ? .xorInteger : .xor, register, .vector(register), second: register)
  }

  package mutating func broadcast(_ to: Vector, _ from: MemoryOperand) {
    vector(.broadcast, to, .memory(address(from)))
  }

  /// The bits go through rax and memory.
  package mutating func broadcast(_ to: Vector, constant value: Float, slot: MemoryOperand) {
    precondition(value.sign == .plus, "a negative constant's bits would be extended to 64")
    release(.rax)
    x86.emit(.moveImmediate, .rax, immediate: Int(value.bitPattern))
    x86.emit(.store, .rax, address(slot))
    broadcast(to, slot)
  }

  package mutating func add(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.add, to, .vector(b), second: a)
  }

  package mutating func add(_ to: Vector, _ a: Vector, _ b: MemoryOperand) {
    vector(.add, to, .memory(address(b)), second: a)
  }

  package mutating func subtract(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.subtract, to, .vector(b), second: a)
  }

  package mutating func multiply(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.multiply, to, .vector(b), second: a)
  }

  package mutating func divide(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.divide, to, .vector(b), second: a)
  }

  package mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) {
    vector(.fma231, sum, .vector(b), second: a)
  }

  package mutating func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: MemoryOperand) {
    vector(.fma231, sum, .memory(address(b)), second: a)
  }

  package mutating func subtractProduct(_ sum: Vector, _ a: Vector, _ b: Vector) {
    vector(.fnma231, sum, .vector(b), second: a)
  }

  /// `vmaxps` returns its second operand where either is NaN.
  package mutating func rectify(_ register: Vector, zero: Vector) {
    vector(.maximum, register, .vector(register), second: zero)
  }

  /// `vmaxps` alone would drop a NaN in `best`, so that lanes where `best` is unordered with itself keep it.
  package mutating func maximumKeepingNaN(
    _ best: Vector, _ value: MemoryOperand, scratch: (Vector, Vector)
  ) {
    let isUnordered: UInt8 = 3
    vector(.maximum, scratch.0, .memory(address(value)), second: best)
    if isEVEX {
      vector(.compareToMask, Vector(1), .vector(best), second: best, immediate: isUnordered)
      vector(.blendByMask, best, .vector(best), second: scratch.0, mask: Mask(1))
    } else {
      vector(.compare, scratch.1, .vector(best), second: best, immediate: isUnordered)
      vector(.blend, best, .vector(best), second: scratch.0, immediate: scratch.1.index << 4)
    }
  }
}
