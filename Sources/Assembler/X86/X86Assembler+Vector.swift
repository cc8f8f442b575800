extension X86Assembler {
  /// Everything of one vector instruction beside its row.
  package struct VectorOperands {
    /// ModRM.reg: destination, or the source of a store; a mask register where the row compares to one.
    var register: UInt8
    /// The second source; 0 where the form has none.
    var second: UInt8
    var last: VectorOrMemory
    var mask: Mask
    var immediate: UInt8?

    package init(
      _ register: UInt8, second: UInt8 = 0, last: VectorOrMemory, mask: Mask = Mask(0),
      immediate: UInt8? = nil
    ) {
      (self.register, self.second, self.last) = (register, second, last)
      (self.mask, self.immediate) = (mask, immediate)
    }
  }

  /// Emits one vector instruction at a width, in EVEX or VEX.
  package mutating func vector(
    _ row: VectorInstruction, _ length: VectorLength, evex: Bool, _ operands: VectorOperands
  ) {
    let encoding = row.encoding
    limitSize()
    record(.vector(row)) { X86Assembler.text(encoding, length, operands) }
    if evex {
      appendEVEX(encoding, length, operands)
    } else {
      appendVEX(encoding, length, operands)
    }
  }

  /// Appends in VEX (16 registers, ymm).
  ///
  ///     C5  R vvvv L pp                     two bytes: map 0F, no X or B
  ///     C4  R X B mmmmm  W vvvv L pp        R, X, B and vvvv are inverted; W is 0 here
  ///
  /// R extends ModRM.reg, X SIB.index, B ModRM.rm or SIB.base.
  private mutating func appendVEX(
    _ encoding: VectorEncoding, _ length: VectorLength, _ operands: VectorOperands
  ) {
    precondition(encoding.encodings != .evex, "\(encoding.name) has no VEX encoding")
    precondition(length != .zmm && operands.register < 16, "VEX has neither zmm nor registers above 15")
    let (x, b) = extensionBits(operands.last)
    let r = operands.register >> 3 & 1
    let tail = (~operands.second & 15) << 3 | length.rawValue << 2 | encoding.opcode.prefix
    if x == 0 && b == 0 && encoding.opcode.map == 1 {
      bytes.append(0xC5)
      bytes.append((r ^ 1) << 7 | tail)
    } else {
      bytes.append(0xC4)
      bytes.append((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | encoding.opcode.map)
      bytes.append(tail)
    }
    bytes.append(encoding.opcode.byte)
    switch operands.last {
    case .vector(let vector):
      precondition(vector.index < 16, "VEX has no register \(vector.index)")
      bytes.append(0xC0 | (operands.register & 7) << 3 | vector.index & 7)
    case .memory(let address): appendMemory(register: operands.register, address, unit: 1)
    }
    if let immediate = operands.immediate { bytes.append(immediate) }
  }

  /// Appends in EVEX (32 registers, masks, disp8*N).
  ///
  ///     62  R X B R' 0 mmm  W vvvv 1 pp  z L'L b V' aaa
  ///
  /// R, X, B, R', vvvv and V' are inverted; W, z (zeroing) and b (broadcast of a memory operand) are 0 here. R'R extend
  /// ModRM.reg, V' vvvv; XB extend ModRM.rm of a vector register. aaa is the mask.
  private mutating func appendEVEX(
    _ encoding: VectorEncoding, _ length: VectorLength, _ operands: VectorOperands
  ) {
    precondition(encoding.encodings != .vex, "\(encoding.name) has no EVEX encoding")
    var (x, b) = extensionBits(operands.last)
    if case .vector(let vector) = operands.last { x = vector.index >> 4 & 1 }
    b &= 1
    let r = operands.register >> 3 & 1
    let rHigh = operands.register >> 4 & 1
    let vHigh = operands.second >> 4 & 1
    bytes.append(0x62)
    bytes.append((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (rHigh ^ 1) << 4 | encoding.opcode.map)
    bytes.append((~operands.second & 15) << 3 | 4 | encoding.opcode.prefix)
    bytes.append(length.rawValue << 5 | (vHigh ^ 1) << 3 | operands.mask.index)
    bytes.append(encoding.opcode.byte)
    switch operands.last {
    case .vector(let vector): bytes.append(0xC0 | (operands.register & 7) << 3 | vector.index & 7)
    case .memory(let address):
      let unit = X86Assembler.memoryByteCount(encoding, length)
      appendMemory(register: operands.register, address, unit: unit)
    }
    if let immediate = operands.immediate { bytes.append(immediate) }
  }

  /// Bytes of a memory operand, which is also N of disp8*N.
  private static func memoryByteCount(_ encoding: VectorEncoding, _ length: VectorLength) -> Int {
    switch encoding.tuple {
    case .full: length.byteCount
    case .scalar: 4
    }
  }

  private func extensionBits(_ operand: VectorOrMemory) -> (x: UInt8, b: UInt8) {
    switch operand {
    case .vector(let vector): (0, vector.index >> 3 & 1)
    case .memory(let address): ((address.index?.rawValue ?? 0) >> 3, address.base.rawValue >> 3)
    }
  }

  /// The instruction in Intel syntax as disassemblers print it.
  private static func text(_ encoding: VectorEncoding, _ length: VectorLength, _ operands: VectorOperands)
    -> String
  {
    func name(_ index: UInt8) -> String { "\(length.name)\(index)" }
    let first = encoding.form == .compare ? "k\(operands.register)" : name(operands.register)
    let last =
      switch operands.last {
      case .vector(let vector): encoding.tuple == .scalar ? "xmm\(vector.index)" : name(vector.index)
      case .memory(let address):
        switch encoding.tuple {
        case .scalar: "dword ptr \(address.text)"
        case .full: "\(length.name)word ptr \(address.text)"
        }
      }
    var parts =
      switch encoding.form {
      case .load: [first, last]
      case .store: [last, first]
      case .three, .compare: [first, name(operands.second), last]
      case .four: [first, name(operands.second), last, name((operands.immediate ?? 0) >> 4)]
      }
    if operands.mask.index != 0 { parts[0] += " {k\(operands.mask.index)}" }
    if encoding.hasImmediate { parts.append("\(operands.immediate ?? 0)") }
    return encoding.name + " " + parts.joined(separator: ", ")
  }
}
