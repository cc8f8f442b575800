/// Four floats: one register on SSE2 and NEON.
package typealias Lanes = SIMD4<Float>

/// The standard library's arithmetic. Operators between two `Lanes` would otherwise be those that `ElementwiseVector`
/// asks for: calls into another module for every four floats, unless that is built for tests.
private enum Plain {
  @inline(__always) static func sum<V: SIMD>(_ a: V, _ b: V) -> V where V.Scalar: FloatingPoint { a + b }
  @inline(__always) static func difference<V: SIMD>(_ a: V, _ b: V) -> V where V.Scalar: FloatingPoint {
    a - b
  }
  @inline(__always) static func product<V: SIMD>(_ a: V, _ b: V) -> V where V.Scalar: FloatingPoint { a * b }
  @inline(__always) static func quotient<V: SIMD>(_ a: V, _ b: V) -> V where V.Scalar: FloatingPoint { a / b }
  @inline(__always)
  static func isBelow<V: SIMD>(_ a: V, _ b: V.Scalar) -> SIMDMask<V.MaskStorage> where V.Scalar: Comparable {
    a .< b
  }
  @inline(__always)
  static func replacing<V: SIMD>(_ a: V, _ other: V.Scalar, _ mask: SIMDMask<V.MaskStorage>) -> V {
    a.replacing(with: other, where: mask)
  }
  @inline(__always)
  static func replacing<V: SIMD>(_ a: V, _ other: V, _ mask: SIMDMask<V.MaskStorage>) -> V {
    a.replacing(with: other, where: mask)
  }
}

extension SIMD4 where Scalar == Float {
  @inline(__always) static func + (a: Lanes, b: Lanes) -> Lanes { Plain.sum(a, b) }
  @inline(__always) static func - (a: Lanes, b: Lanes) -> Lanes { Plain.difference(a, b) }
  @inline(__always) static func * (a: Lanes, b: Lanes) -> Lanes { Plain.product(a, b) }
  @inline(__always) static func / (a: Lanes, b: Lanes) -> Lanes { Plain.quotient(a, b) }

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
  var rectified: Lanes { Plain.replacing(self, 0, Plain.isBelow(self, 0)) }

  /// The greater of each lane; a NaN of either wins.
  @inline(__always)
  func maximum(_ other: Lanes) -> Lanes {
    Plain.replacing(self, other, (other .> self) .| (other .!= other))
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
