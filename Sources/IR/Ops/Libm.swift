#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The system's functions that formulas of element-wise operations use, in double.
package enum Libm {
  package static func exp(_ x: Double) -> Double { systemExp(x) }
  package static func tanh(_ x: Double) -> Double { systemTanh(x) }
  package static func erf(_ x: Double) -> Double { systemErf(x) }
  /// `1 - erf(x)`, without the cancellation.
  package static func erfc(_ x: Double) -> Double { systemErfc(x) }
  package static func pow(_ x: Double, _ exponent: Double) -> Double { systemPow(x, exponent) }
  /// `log(x)`.
  package static func log(_ x: Double) -> Double { systemLog(x) }

  /// `log(1 + exp(x))`; finite for every finite x.
  package static func softplus(_ x: Double) -> Double {
    (x < 0 ? 0 : x) + systemLog1p(systemExp(-x.magnitude))
  }
}

private func systemExp(_ x: Double) -> Double { exp(x) }
private func systemTanh(_ x: Double) -> Double { tanh(x) }
private func systemErf(_ x: Double) -> Double { erf(x) }
private func systemErfc(_ x: Double) -> Double { erfc(x) }
private func systemPow(_ x: Double, _ exponent: Double) -> Double { pow(x, exponent) }
private func systemLog(_ x: Double) -> Double { log(x) }
private func systemLog1p(_ x: Double) -> Double { log1p(x) }
