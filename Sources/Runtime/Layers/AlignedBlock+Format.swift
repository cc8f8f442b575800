extension AlignedBlock {
  /// Zeroed memory for `count` values of `format`.
  package convenience init(count: Int, of format: ElementFormat) {
    self.init(byteCount: format.byteCount(of: count))
  }

  /// Zeroed memory for `floatCount` float32 values.
  package convenience init(floatCount: Int) { self.init(count: floatCount, of: .f32) }

  /// Memory for `count` values of `format` that its maker fills whole, not zeroed first.
  package convenience init(uninitializedCount count: Int, of format: ElementFormat) {
    self.init(uninitializedByteCount: format.byteCount(of: count))
  }
}

extension BlockPool {
  /// A zeroed block of `count` values of `format` whose pages are taken, aligned to 64 bytes; nil where it is refused.
  package func block(count: Int, of format: ElementFormat) -> AlignedBlock? {
    block(byteCount: format.byteCount(of: count))
  }
}
