import FixresBase

extension Bytes {
  /// The first `byteCount` bytes, or all where there are fewer.
  func prefixArray(_ byteCount: Int) -> [UInt8] {
    withUnsafeBytes { Array($0.prefix(byteCount)) }
  }

  /// True where both windows hold the same bytes.
  func isEqual(to other: Bytes) -> Bool {
    guard count == other.count else { return false }
    return withUnsafeBytes { mine in other.withUnsafeBytes { theirs in mine.elementsEqual(theirs) } }
  }
}
