import FixresFormats
import FixresIR
import FixresRuntime

/// Checks an imported model against references and settles what its file leaves open: first the network by inputs that
/// are tensors, then how pictures become inputs.
package struct ReferenceSettlement {
  /// What was found to be other than assumed.
  package struct Finding: Sendable {
    /// `activation=silu`, `strides=1,2,2,1`.
    package let facts: [String]
    /// The same facts as the file alone reads.
    package let assumed: [String]
    /// The greatest difference with the facts, and as assumed.
    package let difference, assumedDifference: Double
  }

  /// What a settlement did.
  package struct Report: Sendable {
    /// What is other than assumed: the network's facts, then those of the pictures.
    package var found: [Finding] = []
    /// What the references leave open: `dilations: 1,1,1,2 fits as well`.
    package var open: [String] = []
    /// How far the model is from each reference.
    package var results: [ReferenceTrial.Result] = []
  }

  /// Calls with the number of combinations that were run, of at most so many.
  package typealias ProgressHandler = (_ done: Int, _ total: Int) -> Void

  /// The model, settled once `run` returns.
  package private(set) var result: ImportResult
  /// Whether constants were replaced after the checkpoint was read, so that they have to be kept.
  package var keepsConstants = false
  private let isSettled: Bool
  private let options: SessionOptions

  /// A settlement of `result`; nothing is searched where it `isSettled`.
  package init(_ result: ImportResult, isSettled: Bool, options: SessionOptions = SessionOptions()) {
    (self.result, self.isSettled, self.options) = (result, isSettled, options)
  }

  /// Checks and settles; pictures in `pairs` become inputs as is found.
  ///
  /// - Throws: `MethodError.reference` where nothing fits or several things do, and what running the networks refuses.
  package mutating func run(_ pairs: inout [ReferencePair], progress: ProgressHandler) throws(MethodError)
    -> Report
  {
    var report = Report()
    try withoutActuallyEscaping(progress) { (progress) throws(MethodError) in
      if !isSettled {
        let tensors = try pairs.filter(\.isTensor).map(trial)
        if !tensors.isEmpty { try settleNetwork(tensors, &report, progress) }
        if pairs.contains(where: { !$0.isTensor }) {
          try settlePictures(&pairs, isNetworkSettled: !tensors.isEmpty, &report, progress)
        }
      }
      for pair in pairs {
        report.results.append(try trial(pair).run(result.model))
        progress(report.results.count, pairs.count)
      }
    }
    if let misfit = report.results.first(where: { !$0.fits }) {
      throw MethodError.reference(
        .misfit(
          ReferenceMisfit(
            name: misfit.name, difference: misfit.distance.difference, tolerance: ReferenceTrial.rounding)))
    }
    return report
  }

  private func trial(_ pair: ReferencePair) throws(MethodError) -> ReferenceTrial {
    guard let trial = ReferenceTrial(pair, options: options) else {
      throw .reference(.uninformative(path: pair.name))
    }
    return trial
  }

  private var hypotheses: NetworkHypotheses {
    NetworkHypotheses(result, overlay: keepsConstants ? result.model.constants : nil)
  }

  // MARK: The network

  private mutating func settleNetwork(
    _ trials: [ReferenceTrial], _ report: inout Report, _ progress: @escaping ProgressHandler
  ) throws(MethodError) {
    let hypotheses = hypotheses
    guard !hypotheses.isEmpty || hypotheses.leavesOutputsOpen else { return }
    let outcome = try NetworkSettlement(hypotheses, trials, options: options, progress: progress).run()
    report.open += outcome.open
    if !outcome.changed.isEmpty {
      report.found.append(
        Finding(
          facts: outcome.changed.map(\.sentence), assumed: outcome.assumed.map(\.sentence),
          difference: outcome.difference, assumedDifference: outcome.assumedDifference))
    }
    try state(outcome.settled, hypotheses)
  }

  private mutating func state(_ facts: [NetworkFact], _ hypotheses: NetworkHypotheses) throws(MethodError) {
    guard !facts.isEmpty else { return }
    let pictures = result.model.metadata
    result = try hypotheses.result(stating: facts)
    // Whatever was settled about pictures stays so.
    result.model.metadata.preprocessing = pictures.preprocessing
  }

  // MARK: Pictures

  /// How the pictures became inputs: with the network as it is, else with facts of the network besides.
  private func pictureOutcome(
    _ trials: [ReferenceTrial], _ network: NetworkHypotheses?, _ progress: @escaping ProgressHandler
  ) throws(MethodError) -> PictureSettlement.Outcome {
    do {
      return try PictureSettlement(result.model, trials, options: options, progress: progress).run()
    } catch {
      guard case .reference(.misfit) = error, let network, !network.isEmpty else { throw error }
    }
    return try PictureSettlement(
      result.model, trials, network: network, options: options, progress: progress
    ).run()
  }

  private mutating func settlePictures(
    _ pairs: inout [ReferencePair], isNetworkSettled: Bool, _ report: inout Report,
    _ progress: @escaping ProgressHandler
  ) throws(MethodError) {
    let trials = try pairs.filter { !$0.isTensor }.map(trial)
    let hypotheses = hypotheses
    let outcome = try pictureOutcome(trials, isNetworkSettled ? nil : hypotheses, progress)
    report.open += outcome.open
    if !outcome.changed.isEmpty {
      report.found.append(
        Finding(
          facts: outcome.changed, assumed: outcome.assumed, difference: outcome.difference,
          assumedDifference: outcome.assumedDifference))
    }
    try state(outcome.network, hypotheses)
    PictureFacts.settle(&result.model.metadata, of: result.model.graph, outcome.statement)
    result.assumed = result.model.metadata.facts.filter(\.isAssumption).map(\.sentence)
    result.model.metadata.assumptions = result.assumed
    for index in pairs.indices {
      guard case .picture(var picture) = pairs[index].input else { continue }
      picture.preprocessing = outcome.preprocessing
      pairs[index].input = .picture(picture)
    }
  }
}

extension ReferencePair {
  fileprivate var isTensor: Bool { if case .tensor = input { true } else { false } }
}

extension NetworkFact {
  /// `activation=silu`
  fileprivate var sentence: String { "\(name.rawValue)=\(text)" }
}
