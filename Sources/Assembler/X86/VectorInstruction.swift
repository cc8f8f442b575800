/// A row of the vector instruction table: everything that the VEX and EVEX encoders need to know.
package struct VectorInstruction: Hashable, Sendable {
  package enum Prefix: UInt8, Sendable {
    case none = 0
    case p66 = 1
    case pF3 = 2
    case pF2 = 3
  }
  package enum Map: UInt8, Sendable {
    case m0F = 1
    case m0F38 = 2
    case m0F3A = 3
  }
  /// Unit N of EVEX's compressed displacement (disp8*N).
  package enum Tuple: Sendable {
    /// N is the vector, or one element with {1toN}.
    case full
    /// N is the vector; no broadcast.
    case fullMemory
    /// N is half of the vector.
    case halfMemory
    /// N is one 32-bit element.
    case scalar
    /// N is 16 bytes.
    case quarter
  }
  /// Order of operands in the ModRM and vvvv fields.
  package enum Form: Sendable {
    /// `op reg, reg/mem`
    case load
    /// `op reg/mem, reg`
    case store
    /// `op reg, vvvv, reg/mem`
    case three
    /// `op k, vvvv, reg/mem, imm8` (EVEX)
    case compare
    /// `op reg, vvvv, reg/mem, is4` (VEX)
    case four
  }
  package enum Encodings: Sendable {
    case both
    case vex
    case evex
  }

  package var name: String
  package var map: Map
  package var prefix: Prefix
  package var opcode: UInt8
  package var wide: Bool
  package var tuple: Tuple
  package var form: Form
  package var hasImmediate: Bool
  package var encodings: Encodings

  init(
    _ name: String, _ prefix: Prefix, _ map: Map, _ opcode: UInt8, _ form: Form, _ tuple: Tuple,
    wide: Bool = false, immediate: Bool = false, _ encodings: Encodings = .both
  ) {
    self.name = name
    self.prefix = prefix
    self.map = map
    self.opcode = opcode
    self.form = form
    self.tuple = tuple
    self.wide = wide
    self.hasImmediate = immediate
    self.encodings = encodings
  }
}

extension VectorInstruction {
  // Moves.
  package static let loadUnaligned = Self("vmovups", .none, .m0F, 0x10, .load, .fullMemory)
  package static let storeUnaligned = Self("vmovups", .none, .m0F, 0x11, .store, .fullMemory)
  package static let move = Self("vmovaps", .none, .m0F, 0x28, .load, .fullMemory)
  package static let storeStreaming = Self("vmovntps", .none, .m0F, 0x2B, .store, .fullMemory)
  package static let broadcast = Self("vbroadcastss", .p66, .m0F38, 0x18, .load, .scalar)
  package static let broadcast128 = Self("vbroadcastf128", .p66, .m0F38, 0x1A, .load, .quarter, .vex)
  package static let broadcast32x4 = Self("vbroadcastf32x4", .p66, .m0F38, 0x1A, .load, .quarter, .evex)
  // Arithmetic.
  package static let add = Self("vaddps", .none, .m0F, 0x58, .three, .full)
  package static let multiply = Self("vmulps", .none, .m0F, 0x59, .three, .full)
  package static let subtract = Self("vsubps", .none, .m0F, 0x5C, .three, .full)
  package static let minimum = Self("vminps", .none, .m0F, 0x5D, .three, .full)
  package static let divide = Self("vdivps", .none, .m0F, 0x5E, .three, .full)
  package static let maximum = Self("vmaxps", .none, .m0F, 0x5F, .three, .full)
  package static let fma132 = Self("vfmadd132ps", .p66, .m0F38, 0x98, .three, .full)
  package static let fma213 = Self("vfmadd213ps", .p66, .m0F38, 0xA8, .three, .full)
  package static let fma231 = Self("vfmadd231ps", .p66, .m0F38, 0xB8, .three, .full)
  package static let fms213 = Self("vfmsub213ps", .p66, .m0F38, 0xAA, .three, .full)
  package static let fms231 = Self("vfmsub231ps", .p66, .m0F38, 0xBA, .three, .full)
  package static let fnma213 = Self("vfnmadd213ps", .p66, .m0F38, 0xAC, .three, .full)
  package static let fnma231 = Self("vfnmadd231ps", .p66, .m0F38, 0xBC, .three, .full)
  package static let dotBFloat16 = Self("vdpbf16ps", .pF3, .m0F38, 0x52, .three, .full, .evex)
  package static let dotInt8 = Self("vpdpbusd", .p66, .m0F38, 0x50, .three, .full, .evex)
  package static let toBFloat16 = Self("vcvtneps2bf16", .pF3, .m0F38, 0x72, .load, .full, .evex)
  // Bits.
  package static let xor = Self("vxorps", .none, .m0F, 0x57, .three, .full, .vex)
  package static let xorInteger = Self("vpxord", .p66, .m0F, 0xEF, .three, .full, .evex)
  // Shuffles.
  package static let permuteInLane = Self(
    "vpermilps", .p66, .m0F3A, 0x04, .load, .full, immediate: true)
  package static let permute = Self("vpermps", .p66, .m0F38, 0x16, .three, .full)
  package static let unpackLow = Self("vunpcklps", .none, .m0F, 0x14, .three, .full)
  package static let unpackHigh = Self("vunpckhps", .none, .m0F, 0x15, .three, .full)
  package static let shuffle = Self("vshufps", .none, .m0F, 0xC6, .three, .full, immediate: true)
  package static let shuffleQuarters = Self(
    "vshuff32x4", .p66, .m0F3A, 0x23, .three, .full, immediate: true, .evex)
  package static let permuteHalves = Self(
    "vperm2f128", .p66, .m0F3A, 0x06, .three, .full, immediate: true, .vex)
  // Comparison and selection.
  package static let compareToMask = Self(
    "vcmpps", .none, .m0F, 0xC2, .compare, .full, immediate: true, .evex)
  package static let compare = Self("vcmpps", .none, .m0F, 0xC2, .three, .full, immediate: true, .vex)
  package static let blendByMask = Self("vblendmps", .p66, .m0F38, 0x65, .three, .full, .evex)
  package static let blend = Self("vblendvps", .p66, .m0F3A, 0x4A, .four, .full, .vex)

  /// Every row, for the round trip through a disassembler.
  package static let table: [VectorInstruction] = [
    loadUnaligned, storeUnaligned, move, storeStreaming, broadcast, broadcast128, broadcast32x4, add,
    multiply, subtract, minimum, divide, maximum, fma132, fma213, fma231, fms213, fms231, fnma213, fnma231,
    dotBFloat16, dotInt8, toBFloat16, xor, xorInteger, permuteInLane, permute, unpackLow, unpackHigh,
    shuffle, shuffleQuarters, permuteHalves, compareToMask, compare, blendByMask, blend,
  ]
}
