/// A general-purpose register by its hardware number.
package enum Register: UInt8, Sendable, CaseIterable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15

  /// Name of the whole register.
  package var name: String { "\(self)" }

  /// Name of the low 32 bits.
  package var name32: String {
    rawValue < 8 ? "e" + String(name.dropFirst()) : name + "d"
  }
}

/// A mask register k0 to k7; k0 means "no mask" where an instruction is masked.
package struct Mask: Hashable, Sendable {
  package let index: UInt8

  package init(_ index: Int) {
    precondition(0..<8 ~= index, "mask register \(index) does not exist")
    self.index = UInt8(index)
  }
}

/// A memory operand `[base + index*scale + displacement]`.
package struct Address: Hashable, Sendable {
  package var base: Register
  package var index: Register?
  package var scale: Int
  package var displacement: Int

  package init(_ base: Register, _ displacement: Int = 0, index: Register? = nil, scale: Int = 1) {
    precondition(index != .rsp, "rsp cannot be an index")
    precondition([1, 2, 4, 8].contains(scale), "scale \(scale) is not 1, 2, 4 or 8")
    self.base = base
    self.index = index
    self.scale = scale
    self.displacement = displacement
  }

  /// The operand in Intel syntax, without size.
  var text: String {
    var text = "[" + base.name
    if let index { text += " + " + (scale > 1 ? "\(scale)*" : "") + index.name }
    if displacement != 0 { text += displacement < 0 ? " - \(-displacement)" : " + \(displacement)" }
    return text + "]"
  }
}

/// The last operand of a vector instruction.
package enum VectorOrMemory: Hashable, Sendable {
  case vector(Vector)
  case memory(Address)
}

/// Vector width in the `L'L` code of an instruction.
package enum VectorLength: UInt8, Sendable {
  case ymm = 1
  case zmm = 2

  /// Bytes of a register.
  package var byteCount: Int { 16 << Int(rawValue) }
  /// Prefix of the registers' names.
  package var name: String { "\(self)" }
}
