import FixresBase
import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The crop that networks are trained on, drawn as torchvision's RandomResizedCrop draws it.
package struct RandomResizedCrop: Hashable, Sendable {
  /// Range of the share of the picture's area, drawn uniformly.
  package var areaShare: ClosedRange<Double>
  /// Range of width / height, drawn uniformly in its logarithm.
  package var aspect: ClosedRange<Double>

  /// Draws before the crop falls back to the picture's centre.
  package static let attempts = 10

  /// Crops of these ranges; the defaults are torchvision's.
  package init(
    areaShare: ClosedRange<Double> = Geometry.usualAreaShare, aspect: ClosedRange<Double> = 3.0 / 4...4.0 / 3
  ) {
    (self.areaShare, self.aspect) = (areaShare, aspect)
  }

  /// One crop of a picture.
  package struct Region: Hashable, Sendable {
    /// First row, in pixels.
    package let top: Int
    /// First column, in pixels.
    package let left: Int
    /// Height in pixels.
    package let height: Int
    /// Width in pixels.
    package let width: Int
    /// Draws that it took; `attempts` + 1 for the fallback.
    package let tries: Int

    /// Whether no draw fitted into the picture.
    package var isFallback: Bool { tries > RandomResizedCrop.attempts }

    /// Share of the area of a picture of `size`.
    package func share(of size: Extent) -> Double { Double(height * width) / Double(size.area) }
  }

  /// A crop of a picture of `size`. Sides are rounded half to even, as Python rounds.
  package func sample(_ size: Extent, using random: inout SeededRandom) -> Region {
    let (logLow, logHigh) = (log(aspect.lowerBound), log(aspect.upperBound))
    for attempt in 1...Self.attempts {
      let span = areaShare.upperBound - areaShare.lowerBound
      let area = Double(size.area) * (areaShare.lowerBound + span * random.nextDouble())
      let ratio = exp(logLow + (logHigh - logLow) * random.nextDouble())
      let width = Int((area * ratio).squareRoot().rounded(.toNearestOrEven))
      let height = Int((area / ratio).squareRoot().rounded(.toNearestOrEven))
      if width > 0, width <= size.width, height > 0, height <= size.height {
        let top = random.nextInt(in: 0..<size.height - height + 1)
        let left = random.nextInt(in: 0..<size.width - width + 1)
        return Region(top: top, left: left, height: height, width: width, tries: attempt)
      }
    }
    return fallback(size)
  }

  /// The largest centred crop whose aspect ratio is within the range.
  package func fallback(_ size: Extent) -> Region {
    let ratio = Double(size.width) / Double(size.height)
    var (width, height) = (size.width, size.height)
    if ratio < aspect.lowerBound {
      height = Int((Double(width) / aspect.lowerBound).rounded(.toNearestOrEven))
    } else if ratio > aspect.upperBound {
      width = Int((Double(height) * aspect.upperBound).rounded(.toNearestOrEven))
    }
    return Region(
      top: (size.height - height) / 2, left: (size.width - width) / 2, height: height, width: width,
      tries: Self.attempts + 1)
  }
}
