extension X86Assembler {
  /// `op to, from`.
  package mutating func emit(_ row: GeneralInstruction, _ to: Register, _ from: Register) {
    let encoding = row.encoding
    precondition(encoding.form == .registers, "\(encoding.name) does not take two registers")
    record(.general(row)) {
      encoding.wide
        ? "\(encoding.name) \(to.name), \(from.name)" : "\(encoding.name) \(to.name32), \(from.name32)"
    }
    append(encoding, register: to.rawValue, from)
  }

  /// `op register, [memory]`, or the reverse for a store.
  package mutating func emit(_ row: GeneralInstruction, _ register: Register, _ address: Address) {
    let encoding = row.encoding
    precondition(
      encoding.form == .load || encoding.form == .store, "\(encoding.name) does not take an address")
    record(.general(row)) {
      let mine = encoding.wide ? register.name : register.name32
      let size = row == .lea ? "" : encoding.wide ? "qword ptr " : "dword ptr "
      let operands = encoding.form == .load ? [mine, size + address.text] : [size + address.text, mine]
      return "\(encoding.name) " + operands.joined(separator: ", ")
    }
    append(encoding, register: register.rawValue, address)
  }

  /// `op register, immediate`.
  package mutating func emit(_ row: GeneralInstruction, _ register: Register, immediate: Int) {
    var encoding = row.encoding
    record(.general(row)) { "\(encoding.name) \(register.name), \(immediate)" }
    switch encoding.form {
    case .shift:
      append(encoding, register: encoding.extension, register)
      bytes.append(UInt8(truncatingIfNeeded: immediate))
    case .immediate, .immediate32:
      if encoding.form == .immediate, let short = Int8(exactly: immediate) {
        encoding.opcode |= 2
        append(encoding, register: encoding.extension, register)
        bytes.append(UInt8(bitPattern: short))
      } else {
        append(encoding, register: encoding.extension, register)
        append32(signed: immediate)
      }
    default:
      preconditionFailure("\(encoding.name) does not take an immediate")
    }
  }

  /// `op register`.
  package mutating func emit(_ row: GeneralInstruction, _ register: Register) {
    let encoding = row.encoding
    record(.general(row)) { "\(encoding.name) \(register.name)" }
    switch encoding.form {
    case .unary:
      append(encoding, register: encoding.extension, register)
    case .opcodeRegister:
      if register.rawValue >= 8 { bytes.append(0x41) }
      bytes.append(UInt8(encoding.opcode) | register.rawValue & 7)
    default:
      preconditionFailure("\(encoding.name) does not take one register")
    }
  }

  /// `op [memory]`.
  package mutating func emit(_ row: GeneralInstruction, _ address: Address) {
    let encoding = row.encoding
    precondition(encoding.form == .memory, "\(encoding.name) does not take one address")
    record(.general(row)) { "\(encoding.name) byte ptr \(address.text)" }
    append(encoding, register: encoding.extension, address)
  }

  /// `op`.
  package mutating func emit(_ row: GeneralInstruction) {
    let encoding = row.encoding
    precondition(encoding.form == .bare, "\(encoding.name) takes operands")
    record(.general(row)) { encoding.name }
    appendOpcode(encoding)
  }

  /// Adds a constant to a register; nothing for zero.
  package mutating func advance(_ register: Register, by byteCount: Int) {
    if byteCount != 0 { emit(.addImmediate, register, immediate: byteCount) }
  }

  /// Prefix, REX, opcode, ModRM of two registers.
  ///
  ///     REX    0100 W R X B        W 64 bits; R extends ModRM.reg, X SIB.index, B ModRM.rm or SIB.base
  ///     ModRM  11 reg:3 rm:3
  private mutating func append(_ encoding: GeneralEncoding, register: UInt8, _ other: Register) {
    appendStart(encoding, rex: (register >> 3) << 2 | other.rawValue >> 3)
    bytes.append(0xC0 | (register & 7) << 3 | other.rawValue & 7)
  }

  /// The same with a memory operand.
  private mutating func append(_ encoding: GeneralEncoding, register: UInt8, _ address: Address) {
    let x = (address.index?.rawValue ?? 0) >> 3
    appendStart(encoding, rex: (register >> 3) << 2 | x << 1 | address.base.rawValue >> 3)
    appendMemory(register: register, address, unit: 1)
  }

  private mutating func appendStart(_ encoding: GeneralEncoding, rex: UInt8) {
    limitSize()
    if let prefix = encoding.prefix { bytes.append(prefix) }
    let rex = rex | (encoding.wide ? 8 : 0)
    if rex != 0 { bytes.append(0x40 | rex) }
    appendOpcode(encoding)
  }

  private mutating func appendOpcode(_ encoding: GeneralEncoding) {
    let opcode = encoding.opcode
    if opcode > 0xFFFF { bytes.append(UInt8(truncatingIfNeeded: opcode >> 16)) }
    if opcode > 0xFF { bytes.append(UInt8(truncatingIfNeeded: opcode >> 8)) }
    bytes.append(UInt8(truncatingIfNeeded: opcode))
  }
}
