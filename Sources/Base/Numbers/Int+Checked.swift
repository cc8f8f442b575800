extension Int {
  /// The product of `factors`, or nil where one is negative or the product of the nonzero ones overflows; 1 for none.
  package static func checkedProduct(_ factors: [Int]) -> Int? {
    // Zeros are left out of the product, so that 2^62 x 4 x 0 is refused in every order.
    var product = 1
    var hasZero = false
    for factor in factors {
      guard factor >= 0 else { return nil }
      if factor == 0 {
        hasZero = true
      } else {
        guard let next = product.multipliedChecked(factor) else { return nil }
        product = next
      }
    }
    return hasZero ? 0 : product
  }

  /// `self + other`, or nil where that overflows.
  package func addingChecked(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// `self + other`, or `Int.max` where that overflows.
  package func addingSaturated(_ other: Int) -> Int { addingChecked(other) ?? .max }

  /// `self - other`, or nil where that overflows.
  package func subtractingChecked(_ other: Int) -> Int? {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? nil : difference
  }

  /// `self * other`, or nil where that overflows.
  package func multipliedChecked(_ other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// `self * other`, or `Int.max` where that overflows; neither is negative.
  package func multipliedSaturated(_ other: Int) -> Int { multipliedChecked(other) ?? .max }

  /// The next multiple of `alignment` (at least 1), or nil where that overflows.
  package func alignedChecked(to alignment: Int) -> Int? {
    precondition(alignment > 0, "an alignment is at least 1")
    guard let raised = addingChecked(alignment - 1) else { return nil }
    return raised / alignment * alignment
  }
}
