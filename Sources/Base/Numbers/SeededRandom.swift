#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// xoshiro256++ (Blackman and Vigna, 2019), seeded by splitmix64; a seed gives the same numbers on
/// every machine.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  package init(seed: UInt64) {
    var state = seed
    func split() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }
    (a, b, c, d) = (split(), split(), split(), split())
  }

  package mutating func next() -> UInt64 {
    let sum = a &+ d
    let result = (sum << 23 | sum >> 41) &+ a
    let shifted = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = d << 45 | d >> 19
    return result
  }

  /// Uniform in `[0, 1)`, a multiple of 2^-53.
  package mutating func nextDouble() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in `[0, 1)`, a multiple of 2^-24.
  package mutating func nextFloat() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Normal with mean 0 and deviation 1 (Box and Muller, 1958).
  package mutating func nextGaussian() -> Double {
    let radius = (-2 * log(1 - nextDouble())).squareRoot()
    return radius * cos(2 * Double.pi * nextDouble())
  }

  /// Uniform over `range`, which is not empty.
  package mutating func nextInt(in range: Range<Int>) -> Int {
    precondition(!range.isEmpty, "a random number needs a range that is not empty")
    return Int.random(in: range, using: &self)
  }
}
