import FixresBase
import FixresFormats
import FixresIR
import FixresRuntime

/// Settles what a checkpoint leaves open about its network by references: the facts that give their outputs.
package struct NetworkSettlement {
  /// What was found.
  package struct Outcome: Sendable {
    /// Every fact that the references settle, those that are as assumed included.
    package var settled: [NetworkFact] = []
    /// The settled facts that are not as assumed.
    package var changed: [NetworkFact] = []
    /// What was assumed in their place.
    package var assumed: [NetworkFact] = []
    /// What the references leave open, a sentence part each: `dilations: 1,1,1,2 fits as well`.
    package var open: [String] = []
    /// The greatest difference of the outputs, as a share of the largest.
    package var difference = 0.0
    /// What it was with the facts as assumed.
    package var assumedDifference = 0.0
    /// Number of combinations that were run.
    package var tried = 0
  }

  private typealias Hypothesis = HypothesisSearch.Hypothesis

  private let hypotheses: NetworkHypotheses
  private let trials: [ReferenceTrial]
  private let options: SessionOptions
  private let progress: (Int, Int) -> Void
  private var axes: [HypothesisSearch.Axis] { hypotheses.axes }

  /// Nearest values of a graded fact this much closer than the next are told apart.
  private static let gradedFactor = 3.0
  private static let gradedRounding = 3e-7

  /// A settlement of `hypotheses` by `trials`, one at least.
  package init(
    _ hypotheses: NetworkHypotheses, _ trials: [ReferenceTrial], options: SessionOptions = SessionOptions(),
    progress: @escaping (Int, Int) -> Void = { _, _ in }
  ) {
    precondition(!trials.isEmpty, "a settlement needs a reference")
    (self.hypotheses, self.trials) = (hypotheses, trials)
    var exact = options
    exact.isExact = true
    self.options = exact
    self.progress = progress
  }

  /// Searches.
  ///
  /// - Throws: `MethodError.reference` where nothing fits, or several combinations that differ elsewhere do; and what running
  ///   the networks refuses.
  package func run() throws(MethodError) -> Outcome {
    let first = try FirstInput(trials[0])
    let runner = Runner(SharedPrefixRunner(input: first.input, batch: 1, options: options))
    var search = HypothesisSearch(
      axes,
      evaluate: { (hypothesis: Hypothesis) throws(MethodError) -> Double? in
        try difference(hypothesis, first, runner)
      },
      accept: { (hypothesis: Hypothesis, difference: Double) throws(MethodError) -> Bool in
        guard difference <= ReferenceTrial.widestRounding else { return false }
        return try results(hypothesis)?.allSatisfy { $0.fits } ?? false
      }, progress: progress)
    try search.run()
    guard !search.fits.isEmpty else { throw .reference(.misfit(ReferenceMisfit(search, of: trials[0]))) }
    return try outcome(search)
  }

  /// The first input of a trial alone, which is enough to search with.
  private struct FirstInput {
    let input: [Float]
    let outputs: ReferenceOutputs

    init(_ trial: ReferenceTrial) throws(MethodError) {
      let all = try trial.input()
      input = Array(all[..<(all.count / trial.outputs.rows)])
      let classes = trial.outputs.classes
      let row = Tensor(shape: [1, classes], Array(trial.pair.outputs.floats[..<classes]))
      outputs = ReferenceOutputs(row) ?? trial.outputs
      guard outputs.rows == 1 else { throw .reference(.uninformative(path: trial.pair.name)) }
    }
  }

  // MARK: Networks

  /// A runner that a search's closures share.
  private final class Runner {
    var runner: SharedPrefixRunner

    init(_ runner: SharedPrefixRunner) { self.runner = runner }
  }

  /// How far `hypothesis` is from the first input's outputs; nil where it can't be run.
  private func difference(
    _ hypothesis: Hypothesis, _ first: FirstInput, _ runner: Runner
  ) throws(MethodError) -> Double? {
    guard let model = hypotheses.model(hypothesis, at: trials[0].pair.resolution) else { return nil }
    let scores: [Float]
    do {
      scores = try runner.runner.scores(of: model)
    } catch {
      switch error {
      case .runtime(.planTooLarge), .runtime(.cancelled): throw error
      default: return nil
      }
    }
    return scores.count == first.outputs.classes ? first.outputs.distance(of: scores).difference : nil
  }

  private func results(_ hypothesis: Hypothesis) throws(MethodError) -> [ReferenceTrial.Result]? {
    var results: [ReferenceTrial.Result] = []
    for trial in trials {
      guard let model = hypotheses.model(hypothesis, at: trial.pair.resolution) else { return nil }
      results.append(try trial.run(model))
    }
    return results
  }

  /// Whether both give the same on made-up inputs of other sizes.
  private func areSame(_ a: Hypothesis, _ b: Hypothesis) throws(MethodError) -> Bool {
    let own = trials[0].pair.resolution
    for (size, gain) in [(own, Float(1)), (Extent(own.height * 3 / 2 + 1, own.width * 3 / 2 + 1), 4)] {
      guard let first = hypotheses.model(a, at: size), let second = hypotheses.model(b, at: size) else {
        return false
      }
      let input = try NoiseInput.make(for: first.graph).map { $0 * gain }
      var runner = SharedPrefixRunner(input: input, batch: 1, options: options)
      let scores = try runner.scores(of: first)
      guard try ReferenceTrial.noise(scores, from: runner.scores(of: second)) <= ReferenceTrial.rounding
      else {
        return false
      }
    }
    return true
  }

  // MARK: Choice

  /// Fits that differ in graded facts alone, as one.
  private struct Candidate {
    let hypothesis: Hypothesis
    let difference: Double
    /// Graded facts of which other values are about as near, with those values.
    let rivals: [Int: [Int]]
  }

  private func outcome(_ search: HypothesisSearch) throws(MethodError) -> Outcome {
    let candidates = candidates(search)
    let best = candidates[0]
    var rivals = best.rivals
    var different: [Candidate] = []
    for other in candidates.dropFirst() {
      if try areSame(best.hypothesis, other.hypothesis) {
        // Whatever the fact is, it changes nothing here.
        for axis in differing(best, other) { rivals[axis] = rivals[axis] ?? [] }
      } else if best.hypothesis.deviations.allSatisfy({
        best.hypothesis.choices[$0] == other.hypothesis.choices[$0]
      }) {
        for axis in differing(best, other) {
          rivals[axis, default: []].append(other.hypothesis.choices[axis])
        }
      } else {
        different.append(other)
      }
    }
    guard different.isEmpty else {
      throw .reference(
        .ambiguous(name: trials[0].pair.name, fits: ([best] + different).map { search.text($0.hypothesis) }))
    }
    let results = try results(best.hypothesis) ?? []
    var outcome = Outcome()
    outcome.difference = results.map(\.distance.difference).max() ?? best.difference
    outcome.assumedDifference = search.differences[search.origin] ?? .infinity
    outcome.tried = search.differences.count
    for axis in axes.indices {
      let choice = best.hypothesis.choices[axis]
      if rivals[axis] == nil || choice != 0 { outcome.settled.append(hypotheses.facts[axis].values[choice]) }
      if choice != 0 {
        outcome.changed.append(hypotheses.facts[axis].values[choice])
        outcome.assumed.append(hypotheses.facts[axis].values[0])
      }
      guard let values = rivals[axis], !values.isEmpty else { continue }
      let texts = Set(values).sorted().map { axes[axis].values[$0] }
      outcome.open.append("\(axes[axis].name): \(texts.joined(separator: " and ")) fits as well")
    }
    outcome.settled += meaning(results)
    return outcome
  }

  private func differing(_ a: Candidate, _ b: Candidate) -> [Int] {
    axes.indices.filter { a.hypothesis.choices[$0] != b.hypothesis.choices[$0] }
  }

  /// The fits, the one with the fewest deviations first.
  private func candidates(_ search: HypothesisSearch) -> [Candidate] {
    let groups = Dictionary(grouping: search.fits) { fit in
      axes.indices.map { axes[$0].isGraded ? 0 : fit.choices[$0] }
    }
    let candidates = groups.values.map { group -> Candidate in
      let sorted = group.sorted { difference($0, search) < difference($1, search) }
      let least = difference(sorted[0], search)
      let near = sorted.filter { difference($0, search) <= Self.gradedFactor * least + Self.gradedRounding }
      let chosen =
        near.first { fit in axes.indices.allSatisfy { !axes[$0].isGraded || fit.choices[$0] == 0 } }
        ?? sorted[0]
      var rivals: [Int: [Int]] = [:]
      for axis in axes.indices where axes[axis].isGraded {
        let values = Set(near.map { $0.choices[axis] }).subtracting([chosen.choices[axis]])
        if !values.isEmpty { rivals[axis] = values.sorted() }
      }
      return Candidate(hypothesis: chosen, difference: difference(chosen, search), rivals: rivals)
    }
    return candidates.sorted { a, b in
      let (first, second) = (a.hypothesis.deviations.count, b.hypothesis.deviations.count)
      return first != second
        ? first < second : a.hypothesis.choices.lexicographicallyPrecedes(b.hypothesis.choices)
    }
  }

  private func difference(_ hypothesis: Hypothesis, _ search: HypothesisSearch) -> Double {
    search.differences[hypothesis] ?? .infinity
  }

  /// What the form of the outputs says about their meaning.
  private func meaning(_ results: [ReferenceTrial.Result]) -> [NetworkFact] {
    guard hypotheses.leavesOutputsOpen else { return [] }
    let forms = Set(results.map(\.distance.form))
    if forms == [.sigmoid] { return [.outputs(.sigmoid)] }
    return forms.isSubset(of: [.softmax, .logSoftmax]) ? [.outputs(.softmax)] : []
  }
}
