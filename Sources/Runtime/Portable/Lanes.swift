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
