/// Every vector instruction that is emitted: the cases are the table.
package enum VectorInstruction: Sendable, CaseIterable {
  // Moves.
  case loadUnaligned, storeUnaligned, move, broadcast
  // Arithmetic; `fma231` is `first += second * third`, `fnma231` subtracts the product.
  case add, multiply, subtract, divide, maximum, fma231, fnma231
  // Bits.
  case xor, xorInteger
  // Shuffles.
  case permuteInLane, permute, unpackLow, unpackHigh, shuffle, shuffleQuarters, permuteHalves
  // Comparison and selection.
  case compareToMask, compare, blendByMask, blend

  /// How the instruction is encoded, a line each.
  package var encoding: VectorEncoding {
    switch self {
    case .loadUnaligned: .init("vmovups", .load, .np0F(0x10))
    case .storeUnaligned: .init("vmovups", .store, .np0F(0x11))
    case .move: .init("vmovaps", .load, .np0F(0x28))
    case .broadcast: .init("vbroadcastss", .load, .p660F38(0x18), tuple: .scalar)
    case .add: .init("vaddps", .three, .np0F(0x58))
    case .multiply: .init("vmulps", .three, .np0F(0x59))
    case .subtract: .init("vsubps", .three, .np0F(0x5C))
    case .divide: .init("vdivps", .three, .np0F(0x5E))
    case .maximum: .init("vmaxps", .three, .np0F(0x5F))
    case .fma231: .init("vfmadd231ps", .three, .p660F38(0xB8))
    case .fnma231: .init("vfnmadd231ps", .three, .p660F38(0xBC))
    case .xor: .init("vxorps", .three, .np0F(0x57), only: .vex)
    case .xorInteger: .init("vpxord", .three, .p660F(0xEF), only: .evex)
    case .permuteInLane: .init("vpermilps", .load, .p660F3A(0x04), immediate: true)
    case .permute: .init("vpermps", .three, .p660F38(0x16))
    case .unpackLow: .init("vunpcklps", .three, .np0F(0x14))
    case .unpackHigh: .init("vunpckhps", .three, .np0F(0x15))
    case .shuffle: .init("vshufps", .three, .np0F(0xC6), immediate: true)
    case .shuffleQuarters: .init("vshuff32x4", .three, .p660F3A(0x23), immediate: true, only: .evex)
    case .permuteHalves: .init("vperm2f128", .three, .p660F3A(0x06), immediate: true, only: .vex)
    case .compareToMask: .init("vcmpps", .compare, .np0F(0xC2), immediate: true, only: .evex)
    case .compare: .init("vcmpps", .three, .np0F(0xC2), immediate: true, only: .vex)
    case .blendByMask: .init("vblendmps", .three, .p660F38(0x65), only: .evex)
    case .blend: .init("vblendvps", .four, .p660F3A(0x4A), only: .vex)
    }
  }
}

/// Everything that the VEX and EVEX encoders need to know of one instruction.
package struct VectorEncoding: Sendable {
  /// Mandatory prefix, opcode map and opcode.
  package struct Opcode: Sendable {
    /// The `pp` code: 0 no prefix, 1 for 66.
    var prefix: UInt8
    /// The `mmm` code: 1 for 0F, 2 for 0F 38, 3 for 0F 3A.
    var map: UInt8
    var byte: UInt8

    static func np0F(_ byte: UInt8) -> Opcode { .init(prefix: 0, map: 1, byte: byte) }
    static func p660F(_ byte: UInt8) -> Opcode { .init(prefix: 1, map: 1, byte: byte) }
    static func p660F38(_ byte: UInt8) -> Opcode { .init(prefix: 1, map: 2, byte: byte) }
    static func p660F3A(_ byte: UInt8) -> Opcode { .init(prefix: 1, map: 3, byte: byte) }
  }
  /// Size of a memory operand, and the unit N of EVEX's compressed displacement (disp8*N).
  package enum Tuple: Sendable {
    /// The vector.
    case full
    /// One 32-bit element.
    case scalar
  }
  /// Order of operands in the ModRM and vvvv fields.
  package enum Form: Sendable {
    /// `op reg, reg/mem`
    case load
    /// `op mem, reg`
    case store
    /// `op reg, vvvv, reg/mem`
    case three
    /// `op k, vvvv, reg/mem, imm8` (EVEX)
    case compare
    /// `op reg, vvvv, reg/mem, is4` (VEX)
    case four
  }
  /// Which encodings the instruction has.
  package enum Encodings: Sendable {
    case both
    case vex
    case evex
  }

  package var name: String
  package var form: Form
  package var opcode: Opcode
  package var tuple: Tuple
  package var hasImmediate: Bool
  package var encodings: Encodings

  init(
    _ name: String, _ form: Form, _ opcode: Opcode, tuple: Tuple = .full, immediate: Bool = false,
    only encodings: Encodings = .both
  ) {
    (self.name, self.form, self.opcode) = (name, form, opcode)
    (self.tuple, self.hasImmediate, self.encodings) = (tuple, immediate, encodings)
  }
}
