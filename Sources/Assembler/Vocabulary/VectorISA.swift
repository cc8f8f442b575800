/// A vector instruction set as kernel emitters see it.
package struct VectorISA: Hashable, Sendable {
  /// The names that `FIXRESC_ISA` takes, beside `portable`.
  package enum Level: String, Sendable, CaseIterable {
    case avx2
    case avx512
  }

  package let level: Level
  /// 32-bit lanes of a register, and so channels of a block.
  package let lanes: Int
  package let registerCount: Int

  package static let avx2 = VectorISA(level: .avx2, lanes: 8, registerCount: 16)
  package static let avx512 = VectorISA(level: .avx512, lanes: 16, registerCount: 32)

  package init(_ level: Level) {
    self = level == .avx2 ? .avx2 : .avx512
  }

  private init(level: Level, lanes: Int, registerCount: Int) {
    self.level = level
    self.lanes = lanes
    self.registerCount = registerCount
  }

  /// Bytes of a register.
  package var byteCount: Int { lanes * 4 }
  /// Lanes of 128 bits, the unit inside which most permutations stay.
  package static let quarterLanes = 4
}
