import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime

/// Which batch norms have their statistics recomputed.
public enum BatchNormLayers: String, Hashable, Sendable, CaseIterable {
  /// The last batch norm alone, exactly, in one pass over the pictures.
  case last
  /// All of them, exactly: each after the statistics of those before it have been recomputed.
  case all
}

/// Recomputes batch-norm statistics at the test resolution (AdaBN, Li et al. 2016; exact instead of running averages).
package struct BatchNormAdaptation {
  /// The batch norms whose statistics are recomputed.
  package var layers = BatchNormLayers.last
  /// Number of images that the old statistics count as; 0 replaces them.
  package var prior = 0.0
  /// Threads and exactness of the runs.
  package var options = SessionOptions()

  /// Keeps what a pass has computed, so that an interrupted one goes on; nil keeps nothing.
  package var cache: FeatureCache?

  /// The last batch norm, its old statistics replaced.
  package init() {}

  /// What was done, for the history and the report.
  package struct Outcome: Hashable, Sendable {
    /// Number of batch norms whose statistics were recomputed.
    package var norms = 0
    /// Number of passes over the pictures.
    package var passes = 0
    /// Number of pictures in each pass.
    package var images = 0
    /// Greatest change of a mean, in units of the old deviation.
    package var greatestShift = 0.0
  }

  /// Renews the statistics of `model`, which is unfolded and typed for the test resolution.
  ///
  /// - Throws: `MethodError.pass` where batch norm is folded already, and what fails while the network runs.
  package func apply(
    to model: inout Model, pictures: LabelledPictures, preprocessor: Preprocessor,
    progress: (_ pass: Int, _ of: Int, _ done: Int, _ total: Int) -> Void = { _, _, _, _ in }
  ) throws(MethodError) -> Outcome {
    do { try Adapt.requireAdaptable(model) } catch { throw .pass(error) }
    let waves = try self.waves(model.graph)
    var outcome = Outcome()
    for (index, wave) in waves.enumerated() {
      let part = try Trunk.upTo(wave[0].input, wave.count > 1 ? wave[1].input : nil, of: model)
      let session: Session
      do { session = try Session(model: part, options: options) } catch { throw .runtime(error) }
      var moments = wave.map { ChannelMoments(channels: $0.channels) }
      let content = SampleContent.moments(
        wave.map { .init(channels: $0.channels, positions: $0.positions) })
      let run = PictureRun(session, preprocessor, model: part, cached: CachedModel(part, in: cache))
      let summary = try run.run(
        over: pictures, content, progress: { progress(index, waves.count, $0, $1) }
      ) { _, bytes in
        var doubles = bytes.assumingMemoryBound(to: Double.self)[...]
        for (place, norm) in wave.enumerated() {
          moments[place].merge(ChannelMoments(&doubles, channels: norm.channels, positions: norm.positions))
        }
      }
      outcome.images = summary.images
      for (norm, moments) in zip(wave, moments) { try renew(norm, moments, of: &model, &outcome) }
      outcome.passes += 1
    }
    model.forgetReferences()
    model.metadata.history.append(
      HistoryEntry(
        "bn-statistics",
        [
          .init("layers", layers.rawValue), .init("images", "\(outcome.images)"),
          .init("prior", "\(prior)"), .init("resolution", "\(model.graph.resolution)"),
        ]))
    return outcome
  }

  private func waves(_ graph: Graph) throws(MethodError) -> [[NetworkTail.Norm]] {
    switch layers {
    case .last:
      guard let norm = try NetworkTail(graph).norm else { throw .noBatchNorm }
      return [[norm]]
    case .all:
      let waves = Self.waves(of: graph)
      guard !waves.isEmpty else { throw .noBatchNorm }
      return waves
    }
  }

  /// Batch norms in groups of at most two that do not depend on one another, each after all it depends on.
  static func waves(of graph: Graph) -> [[NetworkTail.Norm]] {
    var depths = [Int](repeating: 0, count: graph.values.count)
    var norms: [(depth: Int, norm: NetworkTail.Norm)] = []
    let all = NetworkTail.norms(graph)
    for id in graph.nodeIDs {
      let node = graph[id]
      let depth = node.operands.map { depths[$0.index] }.max() ?? 0
      depths[node.result.index] = depth
      if let norm = all.first(where: { $0.node == id }) {
        norms.append((depth, norm))
        depths[node.result.index] = depth + 1
      }
    }
    var waves: [[NetworkTail.Norm]] = []
    for depth in 0...(norms.map(\.depth).max() ?? 0) {
      let level = norms.filter { $0.depth == depth }.map(\.norm)
      for first in stride(from: 0, to: level.count, by: 2) {
        waves.append(Array(level[first..<min(first + 2, level.count)]))
      }
    }
    return waves
  }

  private func renew(
    _ norm: NetworkTail.Norm, _ moments: ChannelMoments, of model: inout Model, _ outcome: inout Outcome
  ) throws(MethodError) {
    let old = model.statistics(of: norm)
    let exact = BatchNormStatistics(moments)
    let new = prior > 0 ? exact.blended(images: outcome.images, source: old, prior: prior) : exact
    do { try model.set(new, of: norm) } catch { throw .model(error) }
    outcome.norms += 1
    outcome.greatestShift = max(outcome.greatestShift, Self.shift(old, new, norm.epsilon))
  }

  private static func shift(
    _ old: BatchNormStatistics, _ new: BatchNormStatistics, _ epsilon: Double
  ) -> Double {
    var greatest = 0.0
    for channel in old.mean.indices {
      let deviation = (Double(old.variance[channel]) + epsilon).squareRoot()
      let distance = abs(Double(new.mean[channel]) - Double(old.mean[channel]))
      greatest = max(greatest, distance / deviation)
    }
    return greatest
  }
}

extension ChannelMoments {
  /// The moments of one image that `doubles` begins with; drops them.
  fileprivate init(_ doubles: inout Slice<UnsafeBufferPointer<Double>>, channels: Int, positions: Int) {
    let (means, squares) = (
      Array(doubles.prefix(channels)), Array(doubles.dropFirst(channels).prefix(channels))
    )
    doubles = doubles.dropFirst(2 * channels)
    self.init(count: positions, images: 1, means: means, squares: squares)
  }

  /// Takes in one image's map `[C, positions]`, whose length must fit.
  mutating func add(_ map: UnsafeBufferPointer<Float>, positions: Int) {
    precondition(map.count == channels * positions, "a map of \(map.count) values does not fit the moments")
    if let base = map.baseAddress { add(base, positions: positions) }
  }
}
