/// A mistake that planning makes on purpose, to show that the plan checker refuses what comes of it. Buffers are counted
/// modulo their number.
package enum PlantedPlanFault: Hashable, Sendable {
  /// A buffer is free after the step that fills it.
  case shortLiveRange(buffer: Int)
  /// A buffer lies so many bytes beside its place.
  case offset(buffer: Int, by: Int)
  /// A map's border, counted among those that have one, lacks a row or a column.
  case narrowBorder(map: Int)
  /// A map of one pixel, or a vector, has a border, counted among all of them.
  case borderedPixel(map: Int)
  /// Results take over their operands' buffers, whoever reads these later.
  case eagerSharing
}
