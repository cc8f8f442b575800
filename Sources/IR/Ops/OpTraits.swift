/// What passes may assume of an operation's result; every operation states its traits beside its shape rule.
package struct OpTraits: OptionSet, Hashable, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  /// The result is the first operand, whatever that holds.
  package static let isIdentity = OpTraits(rawValue: 1 << 0)
  /// Where the first operand is not below zero, the result is equal to it.
  package static let keepsNonNegative = OpTraits(rawValue: 1 << 1)
  /// The result is never below zero.
  package static let isNonNegative = OpTraits(rawValue: 1 << 2)
  /// The result is never below zero where the first operand never is.
  package static let keepsSign = OpTraits(rawValue: 1 << 3)
  /// Of a row of features `[N, F]` the operation makes a row of the same features, each by itself.
  package static let keepsRows = OpTraits(rawValue: 1 << 4)
  /// Of an image of one pixel the operation makes an image of one pixel, from it alone, at every resolution.
  package static let keepsSinglePixel = OpTraits(rawValue: 1 << 5)

  /// What holds for every formula that takes one element.
  package static let elementwise: OpTraits = [.keepsRows, .keepsSinglePixel]
}
