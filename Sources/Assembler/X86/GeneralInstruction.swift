/// Every general-purpose instruction that is emitted: the cases are the table.
package enum GeneralInstruction: Sendable, CaseIterable {
  case move, move32, load, store, store32, moveImmediate, lea
  case addImmediate, subImmediate, andImmediate, shiftRight, decrement, xor32, crc32
  case push, pop, jumpIfNotZero, ret, nop
  case prefetchT0, prefetchW
  case cpuid, xgetbv, vzeroupper

  /// How the instruction is encoded, a line each.
  package var encoding: GeneralEncoding {
    switch self {
    case .move: .init("mov", 0x8B, .registers)
    case .move32: .init("mov", 0x8B, .registers, wide: false)
    case .load: .init("mov", 0x8B, .load)
    case .store: .init("mov", 0x89, .store)
    case .store32: .init("mov", 0x89, .store, wide: false)
    case .moveImmediate: .init("mov", 0xC7, .immediate32)
    case .lea: .init("lea", 0x8D, .load)
    case .addImmediate: .init("add", 0x81, .immediate, ext: 0)
    case .subImmediate: .init("sub", 0x81, .immediate, ext: 5)
    case .andImmediate: .init("and", 0x81, .immediate, ext: 4)
    case .shiftRight: .init("shr", 0xC1, .shift, ext: 5)
    case .decrement: .init("dec", 0xFF, .unary, ext: 1)
    case .xor32: .init("xor", 0x33, .registers, wide: false)
    case .crc32: .init("crc32", 0x0F38F1, .load, prefix: 0xF2)
    case .push: .init("push", 0x50, .opcodeRegister)
    case .pop: .init("pop", 0x58, .opcodeRegister)
    case .jumpIfNotZero: .init("jne", 0x75, .jump)
    case .ret: .init("ret", 0xC3, .bare)
    case .nop: .init("nop", 0x90, .padding)
    case .prefetchT0: .init("prefetcht0", 0x0F18, .memory, ext: 1)
    case .prefetchW: .init("prefetchw", 0x0F0D, .memory, ext: 1)
    case .cpuid: .init("cpuid", 0x0FA2, .bare)
    case .xgetbv: .init("xgetbv", 0x0F01D0, .bare)
    case .vzeroupper: .init("vzeroupper", 0xC5F877, .bare)
    }
  }
}

/// Everything that the encoder of general-purpose instructions needs to know of one.
package struct GeneralEncoding: Sendable {
  package enum Form: Sendable {
    /// `op reg, reg`
    case registers
    /// `op reg, [mem]`
    case load
    /// `op [mem], reg`
    case store
    /// `op reg, imm` with an opcode extension; the form with 8 bits is opcode | 2
    case immediate
    /// `op reg, imm32` with an opcode extension
    case immediate32
    /// `op reg, imm8` with an opcode extension
    case shift
    /// `op reg` with an opcode extension
    case unary
    /// `op reg` with the register in the opcode
    case opcodeRegister
    /// `op [mem]` with an opcode extension
    case memory
    /// `op target`: opcode and 8 bits, or 0F, opcode + 16 and 32 bits
    case jump
    /// No operands; as many bytes as are wanted
    case padding
    /// No operands
    case bare
  }

  package var name: String
  /// A mandatory prefix, before REX.
  package var prefix: UInt8?
  /// Escape bytes and opcode, the first byte in the highest place.
  package var opcode: UInt32
  /// The opcode extension in ModRM.reg.
  package var `extension`: UInt8
  /// Operands have 64 bits (REX.W).
  package var wide: Bool
  package var form: Form

  init(
    _ name: String, _ opcode: UInt32, _ form: Form, ext: UInt8 = 0, wide: Bool = true, prefix: UInt8? = nil
  ) {
    self.name = name
    self.opcode = opcode
    self.extension = ext
    self.form = form
    self.wide = wide && form != .memory
    self.prefix = prefix
  }
}
