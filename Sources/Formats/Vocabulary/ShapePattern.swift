/// A shape with unconstrained extents, printed as `[*, 64, 3, 3]`.
public struct ShapePattern: Hashable, Sendable, CustomStringConvertible {
  /// One entry an axis; nil for any positive extent.
  public let extents: [Int?]

  /// Creates a pattern; nil stands for any positive extent.
  package init(_ extents: [Int?]) { self.extents = extents }

  /// True where `shape` has the same rank, only positive extents and the stated ones.
  package func matches(_ shape: [Int]) -> Bool {
    shape.count == extents.count
      && zip(extents, shape).allSatisfy { expected, found in
        found > 0 && (expected == nil || expected == found)
      }
  }

  /// The pattern as text, `*` for an unconstrained extent.
  public var description: String {
    "[" + extents.map { $0.map(String.init) ?? "*" }.joined(separator: ", ") + "]"
  }
}
