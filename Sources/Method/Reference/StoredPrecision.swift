/// How exactly numbers were stored, as the numbers themselves tell: half precision and decimals leave gaps.
package enum StoredPrecision: Hashable, Sendable {
  case single, half, bfloat16
  /// So many decimals, as a print-out has them.
  case decimals(Int)

  /// The coarsest precision that holds all `values`, where so many values fitting it are no chance.
  package init(of values: [Float]) {
    self = .single
    let informative = values.filter { $0 != 0 && $0 != 1 && $0 != -1 }
    guard informative.count >= 2 else { return }
    // A float32 number is one of half precision by a chance of 2^-13.
    if informative.allSatisfy({ $0.bitPattern & 0xFFFF == 0 }) {
      self = .bfloat16
    } else if informative.allSatisfy(Self.isHalf) {
      self = .half
    } else if let count = (0...5).first(where: { Self.haveDecimals($0, informative) }) {
      self = .decimals(count)
    }
  }

  /// Half the gap between neighbours at `value`: what rounding to this precision may have changed.
  package func rounding(at value: Float) -> Double {
    let magnitude = Double(abs(value))
    switch self {
    case .single: return max(magnitude * 0x1p-24, 0x1p-150)
    case .half: return max(magnitude * 0x1p-11, 0x1p-25)
    case .bfloat16: return magnitude * 0x1p-8
    case .decimals(let count): return 0.5 * Self.power(-count) + magnitude * 0x1p-24
    }
  }

  /// The name that people know; nil for float32, which loses nothing.
  package var name: String? {
    switch self {
    case .single: nil
    case .half: "float16"
    case .bfloat16: "bfloat16"
    case .decimals(let count): "\(count) decimals"
    }
  }

  private static func power(_ exponent: Int) -> Double {
    (0..<abs(exponent)).reduce(1) { value, _ in exponent < 0 ? value / 10 : value * 10 }
  }

  private static func isHalf(_ value: Float) -> Bool {
    let magnitude = abs(value)
    guard magnitude <= 65504 else { return false }
    // Below 2^-14 half precision has a fixed gap of 2^-24.
    if magnitude < 0x1p-14 { return (magnitude * 0x1p24).rounded() == magnitude * 0x1p24 }
    return value.bitPattern & 0x1FFF == 0
  }

  /// Whether all `values` have `count` decimals, and a chance of less than 1 in 10^6 explains it otherwise.
  private static func haveDecimals(_ count: Int, _ values: [Float]) -> Bool {
    let scale = power(count)
    var logChance = 0.0
    for value in values {
      let scaled = Double(value) * scale
      let slack = abs(scaled) * 0x1p-23 + 1e-9
      guard slack < 0.25, abs(scaled - scaled.rounded()) <= slack else { return false }
      logChance += (2 * slack).log2Approximation
    }
    return logChance < -20
  }
}

extension Double {
  /// The exponent of the number, a bound from above within 1 of its logarithm to base 2.
  fileprivate var log2Approximation: Double { self > 0 ? Double(exponent) + 1 : -1074 }
}
