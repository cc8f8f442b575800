/// Distances of a layout in bytes, flat, as step functions of emitted kernels want them, whatever the format.
package struct ByteStrides: BitwiseCopyable {
  /// From an image, a channel block, a row and a pixel to the next, and from an image's start to pixel (0, 0).
  package var image, plane, row, pixel, origin: Int
  package var blockCount, height, width: Int
  package var top, left, bottom, right: Int

  package init(_ layout: TensorLayout) {
    (image, plane, row) = (layout.imageByteCount, layout.planeByteStride, layout.rowByteStride)
    (pixel, origin, blockCount) = (layout.pixelByteStride, layout.originByteOffset, layout.blockCount)
    (height, width) = (layout.height, layout.width)
    (top, left) = (layout.border.top, layout.border.left)
    (bottom, right) = (layout.border.bottom, layout.border.right)
  }

  /// Writes zeros, all bits zero in every format, to the border of one block's plane; `plane` is its first byte,
  /// border included.
  @inline(__always)
  package func zeroBorder(_ plane: UnsafeMutableRawPointer) {
    guard top | left | bottom | right != 0 else { return }
    Self.zero(plane, top &* row)
    Self.zero(plane + (top &+ height) &* row, bottom &* row)
    var start = plane + top &* row
    for _ in 0..<height {
      Self.zero(start, left &* pixel)
      Self.zero(start + (left &+ width) &* pixel, right &* pixel)
      start += row
    }
  }

  @inline(__always)
  private static func zero(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
    start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }
}
