/// Distances of a float32 layout in elements, flat, as the step functions of portable kernels want them.
package struct Strides: BitwiseCopyable {
  package var image, plane, row, block, origin: Int
  package var blockCount, channels, height, width: Int
  package var top, left, bottom, right: Int

  package init(_ layout: TensorLayout) {
    precondition(layout.format == .f32, "a portable kernel for float32 got maps of \(layout.format.name)")
    (image, plane, row) = (layout.imageStride, layout.planeStride, layout.rowStride)
    (block, origin, blockCount) = (layout.block, layout.origin, layout.blockCount)
    (channels, height, width) = (layout.channels, layout.height, layout.width)
    (top, left) = (layout.border.top, layout.border.left)
    (bottom, right) = (layout.border.bottom, layout.border.right)
  }

  /// Writes zeros to the border of one block's plane; `plane` is its first float, border included.
  @inline(__always)
  package func zeroBorder(_ plane: UnsafeMutablePointer<Float>) {
    guard top | left | bottom | right != 0 else { return }
    Strides.zero(plane, top &* row)
    Strides.zero(plane + (top &+ height) &* row, bottom &* row)
    var start = plane + top &* row
    for _ in 0..<height {
      Strides.zero(start, left &* block)
      Strides.zero(start + (left &+ width) &* block, right &* block)
      start += row
    }
  }

  @inline(__always)
  static func zero(_ start: UnsafeMutablePointer<Float>, _ count: Int) {
    var index = 0
    while index < count {
      start[index] = 0
      index &+= 1
    }
  }
}
