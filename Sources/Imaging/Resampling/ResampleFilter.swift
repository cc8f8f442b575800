#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif
import FixresIR

extension Preprocessing.Interpolation {
  /// Half the width of the filter at scale 1, in samples; 0 for `nearest`, which is not a filter.
  var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .bilinear, .hamming: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The filter's value at `x` samples from its centre, as Pillow's `Resample.c` defines it (bicubic: Keys 1981 with
  /// a = -0.5).
  func weight(at x: Double) -> Double {
    switch self {
    case .nearest: 0
    case .box: x > -0.5 && x <= 0.5 ? 1 : 0
    case .bilinear: max(1 - abs(x), 0)
    case .hamming: Self.hamming(abs(x))
    case .bicubic: Self.cubic(abs(x))
    case .lanczos: x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
    }
  }

  private static func hamming(_ x: Double) -> Double {
    if x == 0 { return 1 }
    if x >= 1 { return 0 }
    let angle = x * .pi
    // Pillow's constants are in single precision.
    return sin(angle) / angle * (Double(Float(0.54)) + Double(Float(0.46)) * cos(angle))
  }

  private static func cubic(_ x: Double) -> Double {
    let a = -0.5
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  private static func sinc(_ x: Double) -> Double {
    if x == 0 { return 1 }
    let angle = x * .pi
    return sin(angle) / angle
  }
}
