#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One axis of a plot: its range, ticks and label.
package struct Axis: Hashable, Sendable {
  /// With the unit in brackets.
  package var label: String
  /// The values at both ends.
  package var range: ClosedRange<Double>
  /// The values that are labelled.
  package var ticks: [Double]
  /// Digits after the point of a label.
  package var decimals: Int

  /// An axis over `range`, widened to whole ticks.
  package init(_ label: String, covering range: ClosedRange<Double>, tickCount: Int = 6, widens: Bool = true)
  {
    self.label = label
    let step = Self.niceStep(range.upperBound - range.lowerBound, tickCount)
    let first = (range.lowerBound / step + (widens ? 1e-9 : -1e-9)).rounded(widens ? .down : .up)
    let last = (range.upperBound / step - (widens ? 1e-9 : -1e-9)).rounded(widens ? .up : .down)
    ticks = stride(from: first, through: widens ? max(last, first + 1) : max(last, first), by: 1).map {
      $0 * step
    }
    self.range =
      widens
      ? first * step...max(last, first + 1) * step
      : range.lowerBound...max(range.upperBound, range.lowerBound + step)
    decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
  }

  /// An axis with ticks at `values` themselves.
  package init(_ label: String, at values: [Double], margin: Double = 0.04, decimals: Int = 0) {
    self.label = label
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let room = high > low ? (high - low) * margin : max(1, abs(low) * margin)
    range = low - room...high + room
    ticks = values
    self.decimals = decimals
  }

  /// 1, 2 or 5 times a power of ten, so that about `count` of them cover `span`.
  package static func niceStep(_ span: Double, _ count: Int) -> Double {
    guard span > 0, span.isFinite else { return 1 }
    let raw = span / Double(max(count, 1))
    let power = pow(10, log10(raw).rounded(.down))
    let factor = raw / power
    return power * (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10)
  }

  /// The position of `value` in the range, 0 at its start and 1 at its end.
  func fraction(_ value: Double) -> Double {
    (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  func text(_ tick: Double) -> String { Figures.fixed(tick, decimals) }
}
