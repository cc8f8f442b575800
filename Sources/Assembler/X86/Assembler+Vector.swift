extension Assembler {
  /// Everything of one vector instruction beside its row.
  struct VectorOperands {
    /// ModRM.reg: destination, or the source of a store.
    var register: UInt8
    /// The second source; 0 where the form has none.
    var second: UInt8 = 0
    var last: VectorOrMemory
    var mask = Mask(0)
    var zeroing = false
    var immediate: UInt8?
  }

  /// Emits in VEX (16 registers, xmm and ymm).
  mutating func appendVEX(_ row: VectorInstruction, _ length: VectorLength, _ operands: VectorOperands) {
    precondition(row.encodings != .evex, "\(row.name) has no VEX encoding")
    precondition(length != .zmm && operands.register < 16, "VEX has neither zmm nor registers above 15")
    // C5  R' vvvv L pp                                 two bytes: map 0F, W0, no X or B
    // C4  R' X' B' mmmmm   W vvvv L pp                 R', X', B' and vvvv are inverted
    let (x, b) = extensionBits(operands.last)
    let r = operands.register >> 3 & 1
    let tail = (~operands.second & 15) << 3 | length.rawValue << 2 | row.prefix.rawValue
    if x == 0 && b == 0 && row.map == .m0F && !row.wide {
      bytes += [0xC5, (r ^ 1) << 7 | tail]
    } else {
      bytes += [0xC4, (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | row.map.rawValue]
      bytes.append((row.wide ? 0x80 : 0) | tail)
    }
    bytes.append(row.opcode)
    switch operands.last {
    case .vector(let vector):
      precondition(vector.index < 16, "VEX has no register \(vector.index)")
      bytes.append(0xC0 | (operands.register & 7) << 3 | vector.index & 7)
    case .memory(let address):
      precondition(!address.broadcast, "VEX has no embedded broadcast")
      appendMemory(register: operands.register, address, unit: 1)
    }
    if let immediate = operands.immediate { bytes.append(immediate) }
  }

  /// Emits in EVEX (32 registers, masks, embedded broadcast, disp8*N).
  mutating func appendEVEX(_ row: VectorInstruction, _ length: VectorLength, _ operands: VectorOperands) {
    precondition(row.encodings != .vex, "\(row.name) has no EVEX encoding")
    // 62  R X B R' 0 m m m   W v v v v 1 p p   z L' L b V' a a a      R X B R' vvvv V' are inverted
    var (x, b) = extensionBits(operands.last)
    var broadcast = false
    switch operands.last {
    case .vector(let vector): x = vector.index >> 4 & 1
    case .memory(let address):
      broadcast = address.broadcast
      precondition(!broadcast || row.tuple == .full, "\(row.name) has no embedded broadcast")
    }
    b &= 1
    let r = operands.register >> 3 & 1
    let rHigh = operands.register >> 4 & 1
    let vHigh = operands.second >> 4 & 1
    bytes.append(0x62)
    bytes.append((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (rHigh ^ 1) << 4 | row.map.rawValue)
    bytes.append((row.wide ? 0x80 : 0) | (~operands.second & 15) << 3 | 4 | row.prefix.rawValue)
    bytes.append(
      (operands.zeroing ? 0x80 : 0) | length.rawValue << 5 | (broadcast ? 0x10 : 0) | (vHigh ^ 1) << 3
        | operands.mask.index)
    bytes.append(row.opcode)
    switch operands.last {
    case .vector(let vector): bytes.append(0xC0 | (operands.register & 7) << 3 | vector.index & 7)
    case .memory(let address):
      let unit = Assembler.unit(row.tuple, length, broadcast: broadcast)
      appendMemory(register: operands.register, address, unit: unit)
    }
    if let immediate = operands.immediate { bytes.append(immediate) }
  }

  /// N of disp8*N.
  static func unit(_ tuple: VectorInstruction.Tuple, _ length: VectorLength, broadcast: Bool) -> Int {
    switch tuple {
    case .full: broadcast ? 4 : length.byteCount
    case .fullMemory: length.byteCount
    case .halfMemory: length.byteCount / 2
    case .scalar: 4
    case .quarter: 16
    }
  }

  private func extensionBits(_ operand: VectorOrMemory) -> (x: UInt8, b: UInt8) {
    switch operand {
    case .vector(let vector): (0, vector.index >> 3 & 1)
    case .memory(let address): ((address.index?.rawValue ?? 0) >> 3, address.base.rawValue >> 3)
    }
  }

  /// The instruction in Intel syntax as disassemblers print it.
  static func text(_ row: VectorInstruction, _ length: VectorLength, _ operands: VectorOperands, evex: Bool)
    -> String
  {
    func name(_ index: UInt8) -> String { "\(length.name)\(index)" }
    var first = row.form == .compare ? "k\(operands.register)" : name(operands.register)
    if row.name == "vcvtneps2bf16" { first = "\(length == .zmm ? "ymm" : "xmm")\(operands.register)" }
    let masking =
      operands.mask.index == 0 ? "" : " {k\(operands.mask.index)}" + (operands.zeroing ? " {z}" : "")
    let last =
      switch operands.last {
      case .vector(let vector):
        row.tuple == .scalar || row.tuple == .quarter ? "xmm\(vector.index)" : name(vector.index)
      case .memory(let address): memoryText(row, length, address)
      }
    var parts: [String]
    switch row.form {
    case .load: parts = [first + masking, last]
    case .store: parts = [last + masking, first]
    case .three, .compare: parts = [first + masking, name(operands.second), last]
    case .four:
      return
        "\(row.name) \(first), \(name(operands.second)), \(last), \(name((operands.immediate ?? 0) >> 4))"
    }
    if let immediate = operands.immediate { parts.append("\(immediate)") }
    return row.name + " " + parts.joined(separator: ", ")
  }

  private static func memoryText(_ row: VectorInstruction, _ length: VectorLength, _ address: Address)
    -> String
  {
    if address.broadcast { return "dword ptr \(address.text){1to\(length.byteCount / 4)}" }
    let size =
      switch row.tuple {
      case .scalar: 4
      case .quarter: 16
      case .halfMemory: length.byteCount / 2
      case .full, .fullMemory: length.byteCount
      }
    let pointer = [4: "dword", 8: "qword", 16: "xmmword", 32: "ymmword", 64: "zmmword"][size] ?? ""
    return "\(pointer) ptr \(address.text)"
  }
}
