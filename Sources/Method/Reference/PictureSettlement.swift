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
      switch error {
      case .runtime(.planTooLarge), .runtime(.cancelled): throw error
      default: return nil
      }
    }
  }

  // MARK: Choice

  /// A fit, part by part: those of the pictures, then a fact of the network each.
  private struct Fit {
    let hypothesis: Hypothesis
    let parts: [String]
    let deviations: [Int]

    /// Whether `other` agrees wherever this one is not as assumed.
    func isKept(by other: Fit) -> Bool { deviations.allSatisfy { parts[$0] == other.parts[$0] } }
  }

  private func fit(_ hypothesis: Hypothesis, _ assumed: [String]) -> Fit {
    let parts = parts(hypothesis)
    return Fit(
      hypothesis: hypothesis, parts: parts, deviations: parts.indices.filter { parts[$0] != assumed[$0] })
  }

  private func parts(_ hypothesis: Hypothesis) -> [String] {
    pictures.parts(hypothesis)
      + axes.indices.dropFirst(Self.pictureAxes).map {
        "\(axes[$0].name)=\(axes[$0].values[hypothesis.choices[$0]])"
      }
  }

  private func outcome(_ search: HypothesisSearch) throws(MethodError) -> Outcome {
    let assumed = parts(search.origin)
    let fits = search.fits.map { fit($0, assumed) }.sorted { a, b in
      a.deviations.count != b.deviations.count
        ? a.deviations.count < b.deviations.count
        : a.hypothesis.choices.lexicographicallyPrecedes(b.hypothesis.choices)
    }
    let best = fits[0]
    var rivals: [Int: [String]] = [:]
    var different: [Fit] = []
    for other in fits.dropFirst() {
      let parts = best.parts.indices.filter { other.parts[$0] != best.parts[$0] }
      let isPictureAlone = parts.allSatisfy { $0 < PictureHypotheses.Part.allCases.count }
      if isPictureAlone, runs.areSame(picture(best.hypothesis), picture(other.hypothesis)) { continue }
      if best.isKept(by: other) {
        for part in parts where rivals[part]?.contains(other.parts[part]) != true {
          rivals[part, default: []].append(other.parts[part])
        }
      } else {
        different.append(other)
      }
    }
    guard different.isEmpty else {
      let texts = ([best] + different).map { fit in
        fit.deviations.map { fit.parts[$0] }.joined(separator: ", ")
      }
      throw .reference(.ambiguous(name: trials[0].pair.name, fits: texts))
    }
    let open = Set(rivals.keys.compactMap(PictureHypotheses.Part.init(rawValue:)))
    let rule = model.metadata.preprocessing
    var outcome = Outcome(
      statement: pictures.statement(best.hypothesis, in: rule, open: open),
      preprocessing: picture(best.hypothesis),
      network: network?.facts(networkPart(best.hypothesis)) ?? [])
    outcome.changed = best.deviations.map { best.parts[$0] }
    outcome.assumed = best.deviations.map { assumed[$0] }
    outcome.open = rivals.sorted { $0.key < $1.key }.map { part, values in
      "\(best.parts[part]): \(values.joined(separator: " and ")) fits as well"
    }
    outcome.difference = search.differences[best.hypothesis] ?? .infinity
    for index in trials.indices.dropFirst() {
      outcome.difference = max(outcome.difference, try difference(best.hypothesis, of: index) ?? .infinity)
    }
    outcome.assumedDifference = search.differences[search.origin] ?? .infinity
    return outcome
  }
}
