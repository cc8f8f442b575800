/// A search for the combination of open facts that fits an example: likely combinations first, and around a fit all that
/// could fit as well.
///
/// Combinations are ordered by the number of facts that deviate from what was assumed. All single deviations are tried,
/// then all pairs, those first whose parts came nearer on their own; deeper ones only below a pair that came nearer
/// than its parts. A fit is unique when no single deviation from it fits as well, nor a pair of facts that act on the same
/// layers, one of which changes little.
package struct HypothesisSearch {
  /// An open fact and its values, the assumed one first.
  package struct Axis: Hashable, Sendable {
    /// The fact, such as `activation`.
    package let name: String
    /// Its values; the first one is assumed.
    package let values: [String]
    /// Whether neighbouring values change the outputs by little, as an epsilon's do: the nearest one is taken.
    package let isGraded: Bool
    /// Facts of one group act on the same layers, and could make up for each other.
    package let group: Int?

    /// An axis of `values`.
    package init(_ name: String, _ values: [String], isGraded: Bool = false, group: Int? = nil) {
      (self.name, self.values) = (name, values)
      (self.isGraded, self.group) = (isGraded, group)
    }
  }

  /// A value for each axis, by its index.
  package struct Hypothesis: Hashable, Sendable {
    /// Index into the values of each axis; 0 is the assumed one.
    package var choices: [Int]

    /// The axes that deviate.
    package var deviations: [Int] { choices.indices.filter { choices[$0] != 0 } }
  }

  /// Where the search may stop and what it takes for a fit.
  package struct Limits: Sendable {
    /// Most combinations that are run before a fit is found.
    package var tries = 700
    /// Most facts that deviate together.
    package var depth = 4

    /// The default limits.
    package init() {}
  }

  /// Runs a combination: its difference from the example, nil where no such network exists.
  package typealias Evaluate = (Hypothesis) throws(MethodError) -> Double?
  /// Whether a difference passes as rounding; asked for near ones only.
  package typealias Accept = (Hypothesis, Double) throws(MethodError) -> Bool

  /// A change of the outputs by less than this share of the largest is little.
  private static let nearDifference = 0.02

  /// The open facts.
  package let axes: [Axis]
  private let limits: Limits
  private let evaluate: Evaluate
  private let accept: Accept
  private let progress: (_ done: Int, _ total: Int) -> Void

  /// What was run, with its difference; infinite where no such network exists.
  package private(set) var differences: [Hypothesis: Double] = [:]
  /// What fits, in the order in which it was found.
  package private(set) var fits: [Hypothesis] = []
  /// Whether combinations were left untried.
  package private(set) var isCutShort = false

  /// A search over `axes`.
  package init(
    _ axes: [Axis], limits: Limits = Limits(), evaluate: @escaping Evaluate, accept: @escaping Accept,
    progress: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) {
    (self.axes, self.limits) = (axes, limits)
    (self.evaluate, self.accept) = (evaluate, accept)
    self.progress = progress
  }

  /// All facts as assumed.
  package var origin: Hypothesis { Hypothesis(choices: axes.map { _ in 0 }) }

  /// The combination that came nearest.
  package var nearest: Hypothesis {
    differences.min { a, b in
      a.value != b.value ? a.value < b.value : precedes(a.key, b.key)
    }?.key ?? origin
  }

  /// Runs the search; afterwards `fits` holds all combinations that fit, and `differences` what was tried.
  ///
  /// - Throws: What running a combination refuses.
  package mutating func run() throws(MethodError) {
    try find()
    guard let fit = fits.first else { return }
    try surround(fit)
  }

  // MARK: Finding

  private mutating func find() throws(MethodError) {
    if try fits(origin) { return }
    let singles = neighbours(of: origin)
    for hypothesis in singles where try fits(hypothesis) { return }
    // Pairs and deeper ones take turns, three to one, so that a wrong turn downwards delays the pairs little.
    var levels: [[Hypothesis]] = [[], []]
    enqueue(singles, &levels)
    var turn = 0
    while !levels[0].isEmpty || !levels[1].isEmpty {
      guard differences.count < limits.tries else {
        isCutShort = true
        return
      }
      turn += 1
      let level = levels[1].isEmpty || (turn % 4 != 0 && !levels[0].isEmpty) ? 0 : 1
      let next = levels[level].removeFirst()
      guard differences[next] == nil else { continue }
      if try fits(next) { return }
      if next.deviations.count < limits.depth, isNearerThanItsParts(next) {
        levels[1] = ordered(levels[1] + neighbours(of: next).filter { deepens($0, next) })
      }
    }
  }

  /// The pairs of `singles`, the most hopeful first.
  private func enqueue(_ singles: [Hypothesis], _ levels: inout [[Hypothesis]]) {
    guard limits.depth > 1 else { return }
    var pairs: Set<Hypothesis> = []
    for single in singles {
      for next in neighbours(of: single) where deepens(next, single) { pairs.insert(next) }
    }
    levels[0] = ordered(Array(pairs))
  }

  private func deepens(_ next: Hypothesis, _ hypothesis: Hypothesis) -> Bool {
    next.deviations.count == hypothesis.deviations.count + 1 && differences[next] == nil
  }

  /// The nearest part first; of equal ones the one whose other parts are nearer.
  private func ordered(_ hypotheses: [Hypothesis]) -> [Hypothesis] {
    let keyed = Set(hypotheses).map { hypothesis -> (Hypothesis, Double, Double) in
      let parts = parts(of: hypothesis).map { differences[$0] ?? .infinity }
      return (hypothesis, parts.min() ?? .infinity, parts.filter(\.isFinite).reduce(0, +))
    }
    return keyed.sorted { a, b in
      a.1 != b.1 ? a.1 < b.1 : a.2 != b.2 ? a.2 < b.2 : precedes(a.0, b.0)
    }.map(\.0)
  }

  /// `hypothesis` without one of its deviations, for each.
  private func parts(of hypothesis: Hypothesis) -> [Hypothesis] {
    hypothesis.deviations.map { axis in
      var part = hypothesis
      part.choices[axis] = 0
      return part
    }
  }

  private func isNearerThanItsParts(_ hypothesis: Hypothesis) -> Bool {
    let nearest = parts(of: hypothesis).map { differences[$0] ?? .infinity }.min() ?? .infinity
    return (differences[hypothesis] ?? .infinity) < 0.9 * nearest
  }

  private func precedes(_ a: Hypothesis, _ b: Hypothesis) -> Bool {
    a.deviations.count != b.deviations.count
      ? a.deviations.count < b.deviations.count : a.choices.lexicographicallyPrecedes(b.choices)
  }

  /// All combinations that differ from `hypothesis` in one fact, likely facts and values first.
  private func neighbours(of hypothesis: Hypothesis) -> [Hypothesis] {
    axes.indices.flatMap { axis in
      axes[axis].values.indices.compactMap { value in
        guard value != hypothesis.choices[axis] else { return nil }
        var next = hypothesis
        next.choices[axis] = value
        return next
      }
    }
  }

  // MARK: Uniqueness

  /// Tries what could fit beside `fit`: each other value of a fact, and within a group those pairs of which one value alone
  /// changes the outputs by little. Two values that are far off by themselves do not cancel.
  private mutating func surround(_ fit: Hypothesis) throws(MethodError) {
    for next in neighbours(of: fit) { _ = try fits(next) }
    for first in axes.indices {
      for second in axes.indices.dropFirst(first + 1)
      where axes[first].group != nil && axes[first].group == axes[second].group {
        for one in axes[first].values.indices where one != fit.choices[first] {
          for two in axes[second].values.indices where two != fit.choices[second] {
            guard isNear(fit, first, one) || isNear(fit, second, two) else { continue }
            var next = fit
            (next.choices[first], next.choices[second]) = (one, two)
            _ = try fits(next)
          }
        }
      }
    }
    // What fits with each of two facts changed may fit with both.
    for one in fits where one != fit {
      for two in fits where two != fit && two != one {
        var both = one
        for axis in axes.indices where two.choices[axis] != fit.choices[axis] {
          both.choices[axis] = two.choices[axis]
        }
        _ = try fits(both)
      }
    }
  }

  /// Whether `fit` with another value of one fact is near.
  private func isNear(_ fit: Hypothesis, _ axis: Int, _ value: Int) -> Bool {
    var next = fit
    next.choices[axis] = value
    return (differences[next] ?? .infinity) < Self.nearDifference
  }

  private mutating func fits(_ hypothesis: Hypothesis) throws(MethodError) -> Bool {
    if differences[hypothesis] != nil { return fits.contains(hypothesis) }
    let difference = try evaluate(hypothesis) ?? .infinity
    differences[hypothesis] = difference
    progress(differences.count, max(limits.tries, differences.count))
    guard try accept(hypothesis, difference) else { return false }
    fits.append(hypothesis)
    return true
  }
}
