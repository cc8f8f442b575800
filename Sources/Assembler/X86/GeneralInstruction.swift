/// A row of the general-purpose instruction table.
package struct GeneralInstruction: Hashable, Sendable {
  package enum Form: Sendable {
    /// `op reg, reg/mem`
    case load
    /// `op reg/mem, reg`
    case store
    /// `op reg/mem, imm` with an opcode extension; 8-bit form is opcode | 2
    case immediate
    /// `op reg/mem, imm32` with an opcode extension
    case immediate32
    /// `op reg/mem, imm8` with an opcode extension
    case shift
    /// `op reg/mem` with an opcode extension
    case unary
    /// `op [mem]` with an opcode extension
    case memory
    /// no operands
    case bare
  }
  package var name: String
  /// Bytes before REX (mandatory prefix).
  package var prefix: UInt8?
  /// Escape bytes and opcode.
  package var opcode: [UInt8]
  package var `extension`: UInt8
  package var wide: Bool
  package var form: Form

  init(
    _ name: String, _ opcode: [UInt8], _ form: Form, ext: UInt8 = 0, wide: Bool = true, prefix: UInt8? = nil
  ) {
    self.name = name
    self.opcode = opcode
    self.extension = ext
    self.form = form
    self.wide = wide
    self.prefix = prefix
  }
}

extension GeneralInstruction {
  package static let load = Self("mov", [0x8B], .load)
  package static let load32 = Self("mov", [0x8B], .load, wide: false)
  package static let store = Self("mov", [0x89], .store)
  package static let store32 = Self("mov", [0x89], .store, wide: false)
  package static let moveImmediate = Self("mov", [0xC7], .immediate32)
  package static let lea = Self("lea", [0x8D], .load)
  package static let add = Self("add", [0x03], .load)
  package static let sub = Self("sub", [0x2B], .load)
  package static let cmp = Self("cmp", [0x3B], .load)
  package static let or = Self("or", [0x0B], .load)
  package static let and = Self("and", [0x23], .load)
  package static let xor32 = Self("xor", [0x33], .load, wide: false)
  package static let test = Self("test", [0x85], .store)
  package static let imul = Self("imul", [0x0F, 0xAF], .load)
  package static let addImmediate = Self("add", [0x81], .immediate, ext: 0)
  package static let subImmediate = Self("sub", [0x81], .immediate, ext: 5)
  package static let andImmediate = Self("and", [0x81], .immediate, ext: 4)
  package static let cmpImmediate = Self("cmp", [0x81], .immediate, ext: 7)
  package static let shl = Self("shl", [0xC1], .shift, ext: 4)
  package static let shr = Self("shr", [0xC1], .shift, ext: 5)
  package static let inc = Self("inc", [0xFF], .unary, ext: 0)
  package static let dec = Self("dec", [0xFF], .unary, ext: 1)
  package static let prefetchNTA = Self("prefetchnta", [0x0F, 0x18], .memory, ext: 0, wide: false)
  package static let prefetchT0 = Self("prefetcht0", [0x0F, 0x18], .memory, ext: 1, wide: false)
  package static let prefetchT1 = Self("prefetcht1", [0x0F, 0x18], .memory, ext: 2, wide: false)
  package static let prefetchW = Self("prefetchw", [0x0F, 0x0D], .memory, ext: 1, wide: false)
  package static let crc32 = Self("crc32", [0x0F, 0x38, 0xF1], .load, prefix: 0xF2)
  package static let ret = Self("ret", [0xC3], .bare, wide: false)
  package static let cpuid = Self("cpuid", [0x0F, 0xA2], .bare, wide: false)
  package static let xgetbv = Self("xgetbv", [0x0F, 0x01, 0xD0], .bare, wide: false)
  package static let vzeroupper = Self("vzeroupper", [0xC5, 0xF8, 0x77], .bare, wide: false)

  /// Every row, for the round trip through a disassembler.
  package static let table: [GeneralInstruction] = [
    load, load32, store, store32, moveImmediate, lea, add, sub, cmp, or, and, xor32, test, imul,
    addImmediate,
    subImmediate, andImmediate, cmpImmediate, shl, shr, inc, dec, prefetchNTA, prefetchT0, prefetchT1,
    crc32,
    ret, cpuid, xgetbv, vzeroupper,
  ]
}
