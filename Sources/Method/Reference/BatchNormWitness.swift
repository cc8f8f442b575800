import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Compares what a network's batch norms read on pictures with the statistics that they stored in training.
///
/// Right arithmetic gives nearly the stored means and variances, but for networks that were trained on other pictures, and
/// for random ones. So the first batch norm, which nothing but the pictures and the stem come before, decides
/// whether the statistics are of such pictures at all; only then a distance of the deeper ones tells of wrong facts. Small
/// faults (a leaky slope of 0.01, a last stride) do not show.
package struct BatchNormWitness: Hashable, Sendable {
  /// Distance of the first batch norm: the median over its channels of the Kullback-Leibler divergence between normal
  /// distributions of the means and variances seen and stored.
  package let first: Double
  /// The median of the same over the batch norms behind it.
  package let deeper: Double

  /// Enough pictures for the deepest maps, few enough for a fraction of a second.
  package static let pictureCount = 6
  /// Below, the statistics are of pictures like these: trained networks give 0.02 to 0.05, random ones 0.2 and more.
  private static let knownFirst = 0.1
  /// Above, deeper layers compute something else: trained networks give 0.01 to 0.1, a wrong activation 0.3 to 400.
  private static let wrongDeeper = 0.4
  /// Above, the pictures are on another scale: 0..255 in the place of 0..1 gives 3000, random networks less than 10.
  private static let otherScale = 1000.0

  /// What the statistics say.
  package enum Verdict: Hashable, Sendable {
    /// Nothing against the network.
    case plausible
    /// The network computes something else than in training.
    case otherNetwork
    /// Pictures come to the network on another scale than in training.
    case otherScale
  }

  /// What the statistics say.
  package var verdict: Verdict {
    if first > Self.otherScale { return .otherScale }
    return first < Self.knownFirst && deeper > Self.wrongDeeper ? .otherNetwork : .plausible
  }

  /// Runs `model`, whose batch norms are not folded, on some of the pictures at `paths`; nil where it has less than three
  /// batch norms, or no picture can be read.
  ///
  /// - Throws: What planning and running the network refuses.
  package init?(
    _ model: Model, _ paths: [String], _ preprocessor: Preprocessor,
    options: SessionOptions = SessionOptions()
  ) throws(MethodError) {
    let norms = NetworkTail.norms(model.graph)
    guard norms.count > 2 else { return nil }
    var options = options
    options.keepsValues = true
    let session: Session
    do { session = try Session(model: model, options: options) } catch { throw .runtime(error) }
    let readers = Dictionary(grouping: norms.indices) { model.graph[norms[$0].input].name }
    var moments = norms.map { ChannelMoments(channels: $0.channels) }
    let distance = max(paths.count / Self.pictureCount, 1)
    for index in stride(from: 0, to: paths.count, by: distance).prefix(Self.pictureCount) {
      guard let bytes = try? FileContents.read(paths[index], limit: FileContents.pictureLimit),
        let picture = try? preprocessor.picture(from: bytes)
      else { continue }
      do {
        try session.visitValues(preprocessor.input(from: picture), batch: 1) { name, value in
          for norm in readers[name] ?? []
          where value.elements.count == norms[norm].channels * norms[norm].positions {
            value.elements.withUnsafeBufferPointer { moments[norm].add($0, positions: norms[norm].positions) }
          }
        }
      } catch {
        throw .runtime(error)
      }
    }
    let divergences = norms.indices.compactMap { index -> Double? in
      moments[index].count > 0 ? Self.divergence(moments[index], model, norms[index]) : nil
    }
    guard divergences.count == norms.count else { return nil }
    first = divergences[0]
    deeper = Self.median(Array(divergences.dropFirst()))
  }

  private static func divergence(_ seen: ChannelMoments, _ model: Model, _ norm: NetworkTail.Norm) -> Double {
    let stored = model.statistics(of: norm)
    let variances = seen.variances
    return median(
      stored.mean.indices.map { channel in
        let expected = Double(stored.variance[channel]) + norm.epsilon
        let ratio = (variances[channel] + norm.epsilon) / expected
        let step = seen.means[channel] - Double(stored.mean[channel])
        return 0.5 * (ratio - 1 - log(ratio) + step * step / expected)
      })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }
}
