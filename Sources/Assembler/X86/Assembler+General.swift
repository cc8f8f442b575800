extension Assembler {
  /// Operands of a general-purpose instruction, in the order of Intel syntax.
  package enum GeneralOperand: Sendable {
    case register(Register)
    case memory(Address)
  }

  /// `op register, register/memory` (or the reverse for a store form).
  package mutating func emit(_ row: GeneralInstruction, _ register: Register, _ operand: GeneralOperand) {
    precondition(row.form == .load || row.form == .store, "\(row.name) does not take two operands")
    record {
      let mine = row.wide ? register.name : register.name32
      let other = Assembler.text(operand, wide: row.wide, pointer: row.name == "lea" ? "" : nil)
      return row.form == .load ? "\(row.name) \(mine), \(other)" : "\(row.name) \(other), \(mine)"
    }
    append(row, register: register.rawValue, operand)
  }

  package mutating func emit(_ row: GeneralInstruction, _ to: Register, _ from: Register) {
    emit(row, to, .register(from))
  }

  package mutating func emit(_ row: GeneralInstruction, _ to: Register, _ address: Address) {
    emit(row, to, .memory(address))
  }

  /// `op register, immediate`.
  package mutating func emit(_ row: GeneralInstruction, _ register: Register, immediate: Int) {
    record { "\(row.name) \(register.name), \(immediate)" }
    switch row.form {
    case .shift:
      append(row, register: row.extension, .register(register))
      bytes.append(UInt8(truncatingIfNeeded: immediate))
    case .immediate, .immediate32:
      guard let wide = Int32(exactly: immediate) else {
        preconditionFailure("immediate \(immediate) of \(row.name) exceeds 32 bits")
      }
      if row.form == .immediate, let short = Int8(exactly: immediate) {
        var shortRow = row
        shortRow.opcode[0] |= 2
        append(shortRow, register: row.extension, .register(register))
        bytes.append(UInt8(bitPattern: short))
      } else {
        append(row, register: row.extension, .register(register))
        append32(UInt32(bitPattern: wide))
      }
    default:
      preconditionFailure("\(row.name) does not take an immediate")
    }
  }

  /// `op register`.
  package mutating func emit(_ row: GeneralInstruction, _ register: Register) {
    precondition(row.form == .unary, "\(row.name) does not take one register")
    record { "\(row.name) \(register.name)" }
    append(row, register: row.extension, .register(register))
  }

  /// `op [memory]`.
  package mutating func emit(_ row: GeneralInstruction, _ address: Address) {
    precondition(row.form == .memory, "\(row.name) does not take one address")
    record { "\(row.name) \(Assembler.text(.memory(address), wide: false, pointer: "byte ptr "))" }
    append(row, register: row.extension, .memory(address))
  }

  /// `op`.
  package mutating func emit(_ row: GeneralInstruction) {
    precondition(row.form == .bare, "\(row.name) takes operands")
    record { row.name }
    bytes += row.opcode
  }

  package mutating func push(_ register: Register) {
    record { "push \(register.name)" }
    if register.rawValue >= 8 { bytes.append(0x41) }
    bytes.append(0x50 | register.rawValue & 7)
  }

  package mutating func pop(_ register: Register) {
    record { "pop \(register.name)" }
    if register.rawValue >= 8 { bytes.append(0x41) }
    bytes.append(0x58 | register.rawValue & 7)
  }

  /// Adds a constant to a register; nothing for zero.
  package mutating func advance(_ register: Register, by byteCount: Int) {
    if byteCount != 0 { emit(.addImmediate, register, immediate: byteCount) }
  }

  /// Prefix, REX, opcode, ModRM.
  ///
  ///     REX  0100 W R X B    R extends ModRM.reg, X SIB.index, B ModRM.rm or SIB.base
  private mutating func append(_ row: GeneralInstruction, register: UInt8, _ operand: GeneralOperand) {
    if let prefix = row.prefix { bytes.append(prefix) }
    var rex: UInt8 = (row.wide ? 8 : 0) | (register >> 3) << 2
    switch operand {
    case .register(let other): rex |= other.rawValue >> 3
    case .memory(let address):
      rex |= address.base.rawValue >> 3
      rex |= ((address.index?.rawValue ?? 0) >> 3) << 1
    }
    if rex != 0 { bytes.append(0x40 | rex) }
    bytes += row.opcode
    switch operand {
    case .register(let other): bytes.append(0xC0 | (register & 7) << 3 | other.rawValue & 7)
    case .memory(let address): appendMemory(register: register, address, unit: 1)
    }
  }

  private static func text(_ operand: GeneralOperand, wide: Bool, pointer: String?) -> String {
    switch operand {
    case .register(let register): wide ? register.name : register.name32
    case .memory(let address): (pointer ?? (wide ? "qword ptr " : "dword ptr ")) + address.text
    }
  }
}

extension Address {
  /// The operand in Intel syntax, without size.
  var text: String {
    var text = "[" + base.name
    if let index { text += " + " + (scale > 1 ? "\(scale)*" : "") + index.name }
    if displacement != 0 { text += displacement < 0 ? " - \(-displacement)" : " + \(displacement)" }
    return text + "]"
  }
}
