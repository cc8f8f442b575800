extension Float {
  /// The value of an IEEE half-precision number, exactly.
  @inlinable
  package init(halfBits: UInt16) {
    let sign = UInt32(halfBits & 0x8000) << 16
    let exponent = UInt32(halfBits >> 10 & 31)
    let fraction = UInt32(halfBits & 0x3FF)
    switch exponent {
    case 0:
      // Subnormal: fraction x 2^-24, an exact product.
      let magnitude = Float(fraction) * 0x1p-24
      self = Float(bitPattern: magnitude.bitPattern | sign)
    case 31: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// The value of a bfloat16 number, exactly.
  @inlinable
  package init(bfloatBits: UInt16) { self = Float(bitPattern: UInt32(bfloatBits) << 16) }
}
