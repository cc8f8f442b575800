#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The arithmetic that formulas of element-wise operations are written in: `SIMD4<Float>` for engines, `SIMD2<Double>`
/// for the reference. Most of it is the standard library's.
package protocol ElementwiseVector {
  associatedtype Scalar: BinaryFloatingPoint
  associatedtype Mask

  init(repeating value: Scalar)
  static prefix func - (a: Self) -> Self
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  static func + (a: Self, b: Scalar) -> Self
  static func + (a: Scalar, b: Self) -> Self
  static func * (a: Self, b: Scalar) -> Self
  static func / (a: Self, b: Scalar) -> Self
  static func / (a: Scalar, b: Self) -> Self
  /// False where either is NaN.
  static func .< (a: Self, b: Scalar) -> Mask
  static func .<= (a: Self, b: Scalar) -> Mask
  static func .> (a: Self, b: Scalar) -> Mask
  func replacing(with other: Scalar, where mask: Mask) -> Self
  func replacing(with other: Self, where mask: Mask) -> Self

  /// e to the power of each lane.
  var exponential: Self { get }
  /// `function` of each lane, in double and rounded once: for formulas that cancel in float32.
  func mapped(_ function: (Double) -> Double) -> Self
  /// `self * factor + term`, product and sum rounded to float32 each, in every precision.
  func scaled(by factor: Float, plus term: Float) -> Self
}

extension ElementwiseVector {
  /// `max(self, low)`; a NaN stays a NaN and -0 a -0, as in torch.
  package func clamped(from low: Scalar) -> Self { replacing(with: low, where: self .< low) }

  /// `min(self, high)`; a NaN stays a NaN.
  package func clamped(through high: Scalar) -> Self { replacing(with: high, where: self .> high) }
}

extension SIMD4: ElementwiseVector where Scalar == Float {
  package typealias Mask = SIMDMask<MaskStorage>

  package var exponential: Self { Self(expf(x), expf(y), expf(z), expf(w)) }

  @inline(__always)
  package func mapped(_ function: (Double) -> Double) -> Self {
    Self(
      Float(function(Double(x))), Float(function(Double(y))), Float(function(Double(z))),
      Float(function(Double(w))))
  }

  package func scaled(by factor: Float, plus term: Float) -> Self { self * factor + term }
}

extension SIMD2: ElementwiseVector where Scalar == Double {
  package typealias Mask = SIMDMask<MaskStorage>

  package var exponential: Self { Self(exp(x), exp(y)) }

  @inline(__always)
  package func mapped(_ function: (Double) -> Double) -> Self { Self(function(x), function(y)) }

  package func scaled(by factor: Float, plus term: Float) -> Self {
    Self(SIMD2<Float>(self) * factor + term)
  }
}
