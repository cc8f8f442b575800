import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresRuntime

/// Settles how pictures become the input by references whose inputs are pictures, alone or with facts of the network.
package struct PictureSettlement {
  /// What was found.
  package struct Outcome: Sendable {
    /// What the references state about pictures.
    package var statement: PictureStatement
    /// How the references' pictures became inputs.
    package var preprocessing: Preprocessing
    /// The facts of the network that are not as assumed.
    package var network: [NetworkFact]
    /// What is not as assumed, and what was assumed: `filter=bicubic`.
    package var changed: [String] = []
    package var assumed: [String] = []
    /// What the references leave open.
    package var open: [String] = []
    /// The greatest difference of the outputs, as a share of the largest, and what it was as assumed.
    package var difference = 0.0
    package var assumedDifference = 0.0
  }

  private typealias Hypothesis = HypothesisSearch.Hypothesis

  private let model: Model
  private let pictures: PictureHypotheses
  private let trials: [ReferenceTrial]
  private let network: NetworkHypotheses?
  private let axes: [HypothesisSearch.Axis]
  private let runs: PictureTrials
  private let progress: (Int, Int) -> Void
  private static let pictureAxes = PictureHypotheses.names.count

  /// A settlement of `model` by `trials` of pictures, one at least; `network` holds facts to search besides.
  ///
  /// - Throws: What decoding the pictures and planning the network refuse.
  package init(
    _ model: Model, _ trials: [ReferenceTrial], network: NetworkHypotheses? = nil,
    options: SessionOptions = SessionOptions(), progress: @escaping (Int, Int) -> Void = { _, _ in }
  ) throws(MethodError) {
    precondition(!trials.isEmpty, "a settlement needs a reference")
    (self.model, self.trials, self.network) = (model, trials, network)
    self.progress = progress
    pictures = PictureHypotheses(model.metadata)
    axes = pictures.axes + (network?.axes ?? [])
    runs = try PictureTrials(model, trials, options: options)
  }

  /// Searches.
  ///
  /// - Throws: `MethodError.reference` where nothing fits, or several pipelines that differ on other pictures do; and what
  ///   running the network refuses.
  package func run() throws(MethodError) -> Outcome {
    var limits = HypothesisSearch.Limits()
    (limits.tries, limits.depth) = (network == nil ? 1500 : 1200, 3)
    var search = HypothesisSearch(
      axes, limits: limits,
      evaluate: { (hypothesis: Hypothesis) throws(MethodError) -> Double? in
        try difference(hypothesis, of: 0)
      },
      accept: { (hypothesis: Hypothesis, difference: Double) throws(MethodError) -> Bool in
        try accepts(hypothesis, difference)
      }, progress: progress)
    try search.run()
    guard !search.fits.isEmpty else { throw .reference(.misfit(ReferenceMisfit(search, of: trials[0]))) }
    return try outcome(search)
  }

  /// Whether `hypothesis` fits all references; `difference` is that of the first.
  private func accepts(_ hypothesis: Hypothesis, _ difference: Double) throws(MethodError) -> Bool {
    guard difference <= ReferenceTrial.widestRounding else { return false }
    for index in trials.indices {
      let found = index == 0 ? difference : try self.difference(hypothesis, of: index)
      guard let found else { return false }
      let fits = try ReferenceTrial.passes(found) { () throws(MethodError) -> Double in
        try runs.noise(picture(hypothesis), of: index, network(hypothesis))
      }
      guard fits else { return false }
    }
    return true
  }

  // MARK: Hypotheses

  private func picture(_ hypothesis: Hypothesis) -> Preprocessing {
    pictures.preprocessing(hypothesis, in: model.metadata.preprocessing)
  }

  private func networkPart(_ hypothesis: Hypothesis) -> Hypothesis {
    Hypothesis(choices: Array(hypothesis.choices[Self.pictureAxes...]))
  }

  /// Another network than the one that was assumed; nil for that one.
  private func network(_ hypothesis: Hypothesis) -> Model? {
    let part = networkPart(hypothesis)
    guard let network, !part.deviations.isEmpty else { return nil }
    return network.model(part, at: model.graph.resolution)
  }

  private func difference(_ hypothesis: Hypothesis, of index: Int) throws(MethodError) -> Double? {
    let other = network(hypothesis)
    if other == nil, !networkPart(hypothesis).deviations.isEmpty { return nil }
    do {
      return try runs.difference(picture(hypothesis), of: index, other)
    } catch {
      if case .runtime(.planTooLarge) = error { throw error }
      return nil
    }
  }

  // MARK: Choice

  private func outcome(_ search: HypothesisSearch) throws(MethodError) -> Outcome {
    let fits = search.fits.sorted { a, b in
      a.deviations.count != b.deviations.count
        ? a.deviations.count < b.deviations.count : a.choices.lexicographicallyPrecedes(b.choices)
    }
    let best = fits[0]
    var rivals: [Int: Set<Int>] = [:]
    var different: [Hypothesis] = []
    for other in fits.dropFirst() {
      let axes = axes.indices.filter { other.choices[$0] != best.choices[$0] }
      let isPictureAlone = axes.allSatisfy { $0 < Self.pictureAxes }
      if isPictureAlone, runs.areSame(picture(best), picture(other)) { continue }
      if best.deviations.allSatisfy({ best.choices[$0] == other.choices[$0] }) {
        for axis in axes { rivals[axis, default: []].insert(other.choices[axis]) }
      } else {
        different.append(other)
      }
    }
    guard different.isEmpty else {
      throw .reference(
        .ambiguous(name: trials[0].pair.name, fits: ([best] + different).map { search.text($0) }))
    }
    let open = Set(rivals.keys.filter { best.choices[$0] == 0 })
    var outcome = Outcome(
      statement: pictures.statement(best, in: model.metadata.preprocessing, open: open),
      preprocessing: picture(best),
      network: network?.facts(networkPart(best)) ?? [])
    for axis in best.deviations {
      outcome.changed.append(search.text(axis, best.choices[axis]))
      outcome.assumed.append(search.text(axis, 0))
    }
    for (axis, values) in rivals.sorted(by: { $0.key < $1.key }) {
      let texts = values.sorted().map { axes[axis].values[$0] }
      outcome.open.append("\(axes[axis].name): \(texts.joined(separator: " and ")) fits as well")
    }
    outcome.difference = search.differences[best] ?? .infinity
    for index in trials.indices.dropFirst() {
      outcome.difference = max(outcome.difference, try difference(best, of: index) ?? .infinity)
    }
    outcome.assumedDifference = search.differences[search.origin] ?? .infinity
    return outcome
  }
}
