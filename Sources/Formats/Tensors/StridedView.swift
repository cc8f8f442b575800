import FixresBase

/// Checks a stated shape, strides and offset against the number of stored elements, without overflow.
enum StridedView {
  static let maximumRank = 64
  /// Limit on elements, small enough that later products with element sizes stay within `Int`.
  static let maximumElementCount = 1 << 56

  enum Problem: Error {
    case rank(Int)
    case negative(String, Int)
    case tooManyElements
    case strideCount(Int)
    /// Index of the last element that the view reads, and the number of stored elements.
    case outside(last: Int, count: Int)
  }

  /// The product of `shape`; an extent of 0 does not hide an overflow of the others.
  static func elementCount(_ shape: [Int]) throws(Problem) -> Int {
    guard shape.count <= maximumRank else { throw .rank(shape.count) }
    var bound = 1
    var isEmpty = false
    for dimension in shape {
      guard dimension >= 0 else { throw .negative("size", dimension) }
      isEmpty = isEmpty || dimension == 0
      let (product, overflow) = bound.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow, product <= maximumElementCount else { throw .tooManyElements }
      bound = product
    }
    return isEmpty ? 0 : bound
  }

  /// Row-major strides of `shape`.
  static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
    }
    return strides
  }

  /// The number of elements of the view, all of which lie among the `count` elements of its storage.
  ///
  /// - Throws: `Problem`, for a view that does not.
  static func check(shape: [Int], strides: [Int], offset: Int, count: Int) throws(Problem) -> Int {
    let elements = try elementCount(shape)
    guard strides.count == shape.count else { throw .strideCount(strides.count) }
    guard offset >= 0 else { throw .negative("offset", offset) }
    var last = offset
    for (size, stride) in zip(shape, strides) {
      guard stride >= 0 else { throw .negative("stride", stride) }
      guard elements > 0 else { continue }
      let (reach, overflow) = stride.multipliedReportingOverflow(by: size - 1)
      let (sum, carry) = last.addingReportingOverflow(reach)
      guard !overflow, !carry else { throw .outside(last: .max, count: count) }
      last = sum
    }
    // An empty view reads nothing, but its offset must still lie in the storage or at its end.
    guard elements > 0 ? last < count : offset <= count else { throw .outside(last: last, count: count) }
    return elements
  }
}

extension StridedView.Problem {
  var expected: String {
    switch self {
    case .rank: "at most \(StridedView.maximumRank) dimensions"
    case .negative(let what, _): "a \(what) of 0 or more"
    case .tooManyElements: "fewer elements"
    case .strideCount: "one stride a dimension"
    case .outside(_, let count): "a view inside its \(count) elements"
    }
  }

  var found: String {
    switch self {
    case .rank(let rank): "\(rank)"
    case .negative(_, let value): "\(value)"
    case .tooManyElements: "more than \(StridedView.maximumElementCount)"
    case .strideCount(let count): "\(count)"
    case .outside(let last, _): last == .max ? "an overflow" : "element \(last)"
    }
  }
}
