import FixresBase

/// The chances of one fuzz case: a seed, a format and a number give the same case on every machine.
package struct Dice {
  private var random: SeededRandom

  /// Chances of case `number` of the format `name` under `seed`.
  package init(seed: UInt64, name: String, number: Int) {
    var mixed = seed &* 0x9E37_79B9_7F4A_7C15
    for byte in name.utf8 { mixed = (mixed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    random = SeededRandom(seed: mixed &+ UInt64(bitPattern: Int64(number)) &* 0xD134_2543_DE82_EF95)
  }

  /// Chances of one seed.
  package init(seed: UInt64) { random = SeededRandom(seed: seed) }

  /// The next 64 bits.
  package mutating func bits() -> UInt64 { random.next() }

  /// Uniform over `0..<count`; 0 where `count` is not positive.
  package mutating func below(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    return Int(random.next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// Uniform over `range`.
  package mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  /// True once in `count`.
  package mutating func once(in count: Int) -> Bool { below(count) == 0 }

  /// One of `elements`, which are not none.
  package mutating func pick<T>(_ elements: [T]) -> T { elements[below(elements.count)] }

  /// Uniform in `[0, 1)`.
  package mutating func fraction() -> Double { random.nextDouble() }

  /// Normal with mean 0 and deviation 1.
  package mutating func gaussian() -> Double { random.nextGaussian() }

  /// A number at which readers break, of at most `byteCount` bytes: limits of integers, powers of two, and their
  /// neighbours; or a small one.
  package mutating func interesting(_ byteCount: Int = 8) -> UInt64 {
    let width = UInt64(min(byteCount, 8) * 8)
    let mask = width == 64 ? UInt64.max : (1 << width) - 1
    switch below(6) {
    case 0: return UInt64(below(20))
    case 1: return UInt64(below(300)) & mask
    case 2: return (1 << UInt64(below(Int(width)))) & mask
    case 3: return ((1 << UInt64(below(Int(width)))) &+ UInt64(below(5)) &- 2) & mask
    case 4: return (mask >> UInt64(below(3))) &- UInt64(below(3)) & mask
    default: return bits() & mask
    }
  }

  /// An integer as `interesting`, of either sign.
  package mutating func integer() -> Int { Int(truncatingIfNeeded: interesting(8)) }
}
