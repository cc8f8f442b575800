extension X86KernelAssembler {
  /// The immediate of `vpermilps` has two bits for each lane of a quarter, the lowest for lane 0.
  package mutating func loadRepeated(
    _ to: Vector, _ from: MemoryOperand, lane: Int, groupLanes: Int, indices: Vector?
  ) {
    precondition(0..<groupLanes ~= lane, "a group of \(groupLanes) has no lane \(lane)")
    let from = VectorOrMemory.memory(address(from))
    switch groupLanes {
    case 1: vector(.loadUnaligned, to, from)
    // Lanes 0, 0, 2, 2 or 1, 1, 3, 3.
    case 2: vector(.permuteInLane, to, from, immediate: lane == 0 ? 0b10_10_00_00 : 0b11_11_01_01)
    case 4: vector(.permuteInLane, to, from, immediate: UInt8(lane * 0b01_01_01_01))
    default:
      guard let indices else { preconditionFailure("a group of \(groupLanes) lanes needs index vectors") }
      vector(.permute, to, from, second: indices)
    }
  }

  package mutating func interleaveLow(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.unpackLow, to, .vector(b), second: a)
  }

  package mutating func interleaveHigh(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.unpackHigh, to, .vector(b), second: a)
  }

  package mutating func joinLow(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.shuffle, to, .vector(b), second: a, immediate: 0b01_00_01_00)
  }

  package mutating func joinHigh(_ to: Vector, _ a: Vector, _ b: Vector) {
    vector(.shuffle, to, .vector(b), second: a, immediate: 0b11_10_11_10)
  }

  package mutating func evenQuarters(_ to: Vector, _ a: Vector, _ b: Vector) {
    joinQuarters(to, a, b, ofTwo: 0x20, ofFour: 0b10_00_10_00)
  }

  package mutating func oddQuarters(_ to: Vector, _ a: Vector, _ b: Vector) {
    joinQuarters(to, a, b, ofTwo: 0x31, ofFour: 0b11_01_11_01)
  }

  /// `vperm2f128` takes its halves from the numbers 0-1 (`a`) and 2-3 (`b`), 4 bits each; `vshuff32x4` two quarters of
  /// `a` and two of `b`, 2 bits each.
  private mutating func joinQuarters(
    _ to: Vector, _ a: Vector, _ b: Vector, ofTwo: UInt8, ofFour: UInt8
  ) {
    if isEVEX {
      vector(.shuffleQuarters, to, .vector(b), second: a, immediate: ofFour)
    } else {
      vector(.permuteHalves, to, .vector(b), second: a, immediate: ofTwo)
    }
  }

  // MARK: Rows

  /// Every fourth row has a register; the three after it are reached by one or two strides as a scaled index, and by a
  /// register that holds three.
  private static let rowRegisters: [Register] = [.rsi, .r10, .r11, .rbx]
  private static let threeRows = Register.rbp
  /// Those of the registers above that the caller expects unchanged.
  static let savedRowRegisters: [Register] = [.rbx, .rbp]

  package mutating func formRows() {
    let stride = register(IntegerRole.rowStride)
    let first = register(PointerRole.source)
    precondition(first == Self.rowRegisters[0], "rows start at the source")
    for register in Self.rowRegisters.dropFirst() + [Self.threeRows] { release(register) }
    x86.emit(.lea, Self.threeRows, Address(stride, 0, index: stride, scale: 2))
    x86.emit(.lea, .r10, Address(first, 0, index: stride, scale: 4))
    x86.emit(.lea, .r11, Address(first, 0, index: stride, scale: 8))
    x86.emit(.lea, .rbx, Address(.r10, 0, index: stride, scale: 8))
  }

  private func address(row: Int, _ displacement: Int) -> Address {
    let base = Self.rowRegisters[row / 4]
    return switch row % 4 {
    case 0: Address(base, displacement)
    case 3: Address(base, displacement, index: Self.threeRows)
    default: Address(base, displacement, index: register(IntegerRole.rowStride), scale: row % 4)
    }
  }

  package mutating func loadRow(_ to: Vector, row: Int) {
    vector(.loadUnaligned, to, .memory(address(row: row, 0)))
  }

  package mutating func prefetchRow(_ row: Int, displacement: Int) {
    x86.emit(.prefetchT0, address(row: row, displacement))
  }

  package mutating func advanceRows(by byteCount: Int) {
    for register in Self.rowRegisters { x86.advance(register, by: byteCount) }
  }

  package mutating func store(atOffset offset: MemoryOperand, _ from: Vector) {
    release(.rax)
    x86.emit(.load, .rax, address(offset))
    vector(
      .storeUnaligned, from, .memory(Address(register(PointerRole.output), 0, index: .rax, scale: 4)))
  }
}
