/// The bytes that code may touch, as offsets from a place in memory; an overflow on the way is kept.
package struct ByteSpan: Hashable, Sendable {
  /// The first byte, and the one behind the last.
  package private(set) var lower, upper: Int
  /// False once an offset has not fitted an `Int`; such a span fits nowhere.
  package private(set) var isExact = true

  /// `count` bytes from `offset` on; none where `count` is not positive.
  package init(_ offset: Int, _ count: Int) {
    lower = offset
    let (end, overflow) = offset.addingReportingOverflow(max(count, 0))
    (upper, isExact) = (end, !overflow)
  }

  package static let none = ByteSpan(0, 0)

  package var isEmpty: Bool { isExact && lower >= upper }

  /// Whether all of it lies in the `byteCount` bytes from the place on.
  package func fits(in byteCount: Int) -> Bool {
    isExact && (lower >= upper || lower >= 0 && upper <= byteCount)
  }

  /// The same bytes `byteCount` further on.
  package func shifted(by byteCount: Int) -> ByteSpan {
    guard !isEmpty else { return self }
    var span = self
    let (first, firstOverflow) = lower.addingReportingOverflow(byteCount)
    let (last, lastOverflow) = upper.addingReportingOverflow(byteCount)
    (span.lower, span.upper) = (first, last)
    span.isExact = isExact && !firstOverflow && !lastOverflow
    return span
  }

  /// All bytes from the least to the greatest that `count` copies touch, each `step` bytes behind the one before.
  package func repeated(_ count: Int, every step: Int) -> ByteSpan {
    guard count > 0 else { return .none }
    let (distance, overflow) = (count - 1).multipliedReportingOverflow(by: step)
    var span = union(shifted(by: distance))
    if overflow { span.isExact = isEmpty }
    return span
  }

  /// All bytes from the least to the greatest of both.
  package func union(_ other: ByteSpan) -> ByteSpan {
    if isEmpty { return other }
    if other.isEmpty { return self }
    var span = self
    (span.lower, span.upper) = (min(lower, other.lower), max(upper, other.upper))
    span.isExact = isExact && other.isExact
    return span
  }
}
