/// A shape with free extents, printed as `[*, 64, 3, 3]`.
public struct ShapePattern: Hashable, Sendable, CustomStringConvertible {
  /// One entry an axis; nil where any positive extent will do.
  public let extents: [Int?]

  package init(_ extents: [Int?]) { self.extents = extents }

  package func matches(_ shape: [Int]) -> Bool {
    shape.count == extents.count
      && zip(extents, shape).allSatisfy { expected, found in
        found > 0 && (expected == nil || expected == found)
      }
  }

  public var description: String {
    "[" + extents.map { $0.map(String.init) ?? "*" }.joined(separator: ", ") + "]"
  }
}
