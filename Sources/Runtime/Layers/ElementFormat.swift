/// How the values of a map or of packed weights are stored, and what their products are summed in.
///
/// A format is a value, not a case of a closed list: layouts, buffers, packed sizes and the arena follow from its
/// figures, so that any format can be planned. Which formats can be run is what a backend's `supports` says.
package struct ElementFormat: Hashable, Sendable {
  /// What products are summed in: always 32 bits, so that a channel block has as many lanes in every format.
  package enum Accumulator: Hashable, Sendable {
    case f32, i32

    package static let byteCount = 4
  }

  /// A short name for plans and messages, such as `f32`.
  package let name: String
  /// Bytes of a value in memory.
  package let byteCount: Int
  /// Values of neighbouring input channels whose products go into one accumulator lane at once: 1, 2 or 4.
  package let group: Int
  package let accumulator: Accumulator

  package init(name: String, byteCount: Int, group: Int, accumulator: Accumulator) {
    precondition([1, 2, 4].contains(byteCount), "a value of \(name) has 1, 2 or 4 bytes, not \(byteCount)")
    precondition([1, 2, 4].contains(group), "1, 2 or 4 values of \(name) share a lane, not \(group)")
    precondition(
      group * byteCount <= Accumulator.byteCount, "\(group) values of \(name) do not fit a 32-bit lane")
    (self.name, self.byteCount, self.group) = (name, byteCount, group)
    self.accumulator = accumulator
  }

  package static let f32 = ElementFormat(
    name: "f32", byteCount: Accumulator.byteCount, group: 1, accumulator: .f32)

  /// Bytes of `count` values side by side.
  package func byteCount(of count: Int) -> Int { count * byteCount }
  /// Bytes of the values that share a lane.
  package var groupByteCount: Int { group * byteCount }
  /// `count` rounded up to whole groups.
  package func wholeGroups(_ count: Int) -> Int { (count + group - 1) / group * group }
}
