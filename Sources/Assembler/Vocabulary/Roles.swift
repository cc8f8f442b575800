/// What a pointer of a kernel is for. Emitters name roles; an assembler decides which register holds each.
///
/// Some roles share a register, as no kernel needs all of them: `.divisors` takes the place of `.bias`, `.offsets` of
/// `.weights`, `.permutations` of `.prefetch`, and `.window` of `.tileWeights`. Using a role after another one has
/// taken its register is a precondition failure during emission.
package enum PointerRole: UInt8, Sendable, CaseIterable {
  /// The function's only argument: a struct of 8-byte fields.
  case arguments
  case source
  case output
  case weights
  case bias
  case residual
  /// What is prefetched for the next call.
  case prefetch
  /// Where the current tile reads its source.
  case tileSource
  /// Where the current tile reads its weights.
  case tileWeights
  /// Divisors of means, one float a pixel.
  case divisors
  /// Index vectors of permutations.
  case permutations
  /// Offsets in floats from `.output`, 8 bytes each.
  case offsets
  /// The first source pixel of a pooling window.
  case window
  /// The stack frame that `FunctionFrame.stackByteCount` asks for, aligned to 64 bytes.
  case frame
}

/// What an integer of a kernel counts.
package enum IntegerRole: UInt8, Sendable, CaseIterable {
  /// Counters of nested loops, the innermost first. A function saves those that its frame lists.
  case counter0, counter1, counter2, counter3, counter4
  /// The counter of an innermost loop that takes the register of `.arguments`, once these are loaded.
  case bodyCounter
  /// How many rows a pooling window has; an argument. Shares a register with `.residual`.
  case rowCount
  /// Bytes between the rows that are transposed; an argument. Shares a register with `.residual`.
  case rowStride
  /// How many squares a transpose has; an argument. Shares a register with `.bias`.
  case blockCount
  /// The function's only argument where that is a count.
  case passCount
}

/// Memory `displacement` bytes beyond the pointer `base`.
package struct MemoryOperand: Hashable, Sendable {
  package var base: PointerRole
  package var displacement: Int

  package init(_ base: PointerRole, _ displacement: Int = 0) {
    (self.base, self.displacement) = (base, displacement)
  }
}

/// A vector register, numbered from 0 to `VectorISA.registerCount - 1`; its width is that of the instruction set.
package struct Vector: Hashable, Sendable {
  package let index: UInt8

  package init(_ index: Int) {
    precondition(0..<32 ~= index, "vector register \(index) does not exist")
    self.index = UInt8(index)
  }
}

/// What a function keeps for its caller and for itself.
package struct FunctionFrame: Sendable {
  /// Loop counters that the function uses.
  package var counters: [IntegerRole]
  /// Bytes of `.frame`; 0 for a function without one.
  package var stackByteCount: Int
  /// The function calls `formRows`.
  package var addressesRows: Bool
  /// The argument is the integer `.passCount` in place of a pointer.
  package var takesCount: Bool

  package init(
    counters: [IntegerRole] = [], stackByteCount: Int = 0, addressesRows: Bool = false,
    takesCount: Bool = false
  ) {
    (self.counters, self.stackByteCount) = (counters, stackByteCount)
    (self.addressesRows, self.takesCount) = (addressesRows, takesCount)
  }
}

/// Why memory is prefetched.
package enum PrefetchPurpose: Sendable {
  case read
  case write
}
