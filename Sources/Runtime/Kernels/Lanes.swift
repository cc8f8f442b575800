/// Four floats: one register on SSE2 and NEON.
package typealias Lanes = SIMD4<Float>

extension SIMD4 where Scalar == Float {
  /// `self + a * b`, in one instruction where the baseline instruction set has it.
  @inline(__always)
  func adding(_ a: Lanes, times b: Lanes) -> Lanes {
    #if arch(arm64)
      addingProduct(a, b)
    #else
      self + a * b  // addingProduct is a libm call a lane on x86-64's baseline
    #endif
  }

  /// `max(self, 0)`; a NaN stays a NaN, as in torch.
  @inline(__always)
  var rectified: Lanes { replacing(with: 0, where: self .< 0) }

  /// The greater of each lane; a NaN of either wins.
  @inline(__always)
  func maximum(_ other: Lanes) -> Lanes {
    replacing(with: other, where: (other .> self) .| (other .!= other))
  }
}

extension UnsafePointer where Pointee == Float {
  /// Lanes at `index`, which must be a multiple of 4 floats from a 16-byte boundary.
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).load(as: Lanes.self)
  }
}

extension UnsafeMutablePointer where Pointee == Float {
  @inline(__always)
  func lanes(_ index: Int) -> Lanes {
    UnsafeRawPointer(self + index).load(as: Lanes.self)
  }

  @inline(__always)
  func store(_ value: Lanes, at index: Int) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: Lanes.self)
  }
}

extension RunContext {
  /// Buffer `index` as floats.
  @inline(__always)
  package func floats(_ index: Int) -> UnsafeMutablePointer<Float> {
    (buffers + index).pointee.assumingMemoryBound(to: Float.self)
  }

  @inline(__always)
  package static func at(_ context: UnsafeRawPointer) -> RunContext { context.load(as: RunContext.self) }
}

/// Strides of a layout in floats, flat, as step functions want them.
package struct Strides: BitwiseCopyable {
  package var image, plane, row, block, origin: Int
  package var blockCount, channels, height, width: Int
  package var top, left, bottom, right: Int

  package init(_ layout: TensorLayout) {
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
