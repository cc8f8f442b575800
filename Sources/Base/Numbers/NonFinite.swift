extension UnsafeBufferPointer<Float> {
  /// Index of the first NaN or infinity; nil where all elements are finite.
  package var firstNonFinite: Int? {
    guard let base = baseAddress else { return nil }
    let blockSize = 8192
    var start = 0
    while start < count {
      let end = Swift.min(start + blockSize, count)
      // NaN and infinity have an exponent of all ones; adding 1 to it carries into the sign bit.
      var carry: UInt32 = 0
      for index in start..<end { carry |= (base[index].bitPattern & 0x7F80_0000) &+ 0x0080_0000 }
      if carry & 0x8000_0000 != 0 { return (start..<end).first { !base[$0].isFinite } }
      start = end
    }
    return nil
  }
}

extension [Float] {
  /// Index of the first NaN or infinity; nil where all elements are finite.
  package var firstNonFinite: Int? { withUnsafeBufferPointer { $0.firstNonFinite } }
}
