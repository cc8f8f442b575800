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

/// Accuracy and loss of a model over a folder of labelled pictures.
public struct Evaluation: Sendable {
  /// A picture that could not be decoded.
  public struct Failure: Hashable, Sendable {
    /// The picture's path.
    public let path: String
    /// Why it could not be decoded.
    public let error: ImageError

    /// The failure `error` of the picture at `path`.
    package init(path: String, error: ImageError) { (self.path, self.error) = (path, error) }
  }

  /// Outcomes of pictures under one reading of their scores.
  public struct Tally: Hashable, Sendable {
    /// Pictures that were classified.
    public private(set) var images = 0
    /// Pictures before whose class no other one ranks.
    public private(set) var top1Count = 0
    /// Pictures before whose class at most four others rank.
    public private(set) var top5Count = 0
    private var lossSum = 0.0

    /// Share of pictures before whose class no other one ranks, 0...1.
    public var top1: Double { Double(top1Count) / Double(max(images, 1)) }
    /// Share of pictures before whose class at most four others rank, 0...1.
    public var top5: Double { Double(top5Count) / Double(max(images, 1)) }
    /// Mean loss in nats.
    public var loss: Double { lossSum / Double(max(images, 1)) }

    fileprivate mutating func count(_ place: ClassificationOutcome.Place) {
      images += 1
      top1Count += place.rank < 1 ? 1 : 0
      top5Count += place.rank < 5 ? 1 : 0
      lossSum += place.loss
    }
  }

  /// How scores are read.
  package let reading: ScoreReading
  private var tally = Tally()
  /// Outcomes with all classes competing; nil where they do anyway.
  public private(set) var overAll: Tally?
  /// Pictures that could not be decoded.
  public private(set) var failures = PictureFailures()
  /// Pictures whose EXIF orientation is not 1.
  public private(set) var turnedCount = 0
  /// Pictures whose results were kept by an earlier run.
  public private(set) var cachedCount = 0
  /// Wall-clock time of the run, decoding included.
  public private(set) var seconds = 0.0

  /// An evaluation of no pictures.
  package init(_ reading: ScoreReading) {
    self.reading = reading
    overAll = reading.competing == nil ? nil : Tally()
  }

  /// Pictures that were decoded and classified.
  public var images: Int { tally.images }
  /// Pictures before whose class no other one ranks.
  public var top1Count: Int { tally.top1Count }
  /// Pictures before whose class at most four others rank.
  public var top5Count: Int { tally.top5Count }
  /// Share of pictures before whose class no other one ranks, 0...1.
  public var top1: Double { tally.top1 }
  /// Share of pictures before whose class at most four others rank, 0...1.
  public var top5: Double { tally.top5 }
  /// Mean loss in nats: cross-entropy, binary where probabilities are sigmoids.
  public var loss: Double { tally.loss }
  /// Throughput, decoding included.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }

  /// Takes over how a run over the pictures went.
  mutating func take(failures: PictureFailures, turned: Int, cached: Int, seconds: Double) {
    (self.failures, turnedCount) = (failures, turned)
    (cachedCount, self.seconds) = (cached, seconds)
  }

  /// `limit` entries at even distances, so that every class keeps its share; all without a limit.
  package static func selection(of entries: [ImageFolder.Entry], limit: Int?) -> [ImageFolder.Entry] {
    guard let limit, limit < entries.count else { return entries }
    return (0..<max(limit, 0)).map { index in
      let (high, low) = index.multipliedFullWidth(by: entries.count)
      return entries[limit.dividingFullWidth((high, low)).quotient]
    }
  }

  /// Counts one picture of class `label` with these logits.
  package mutating func count(_ logits: UnsafeBufferPointer<Float>, _ label: Int) {
    count(ClassificationOutcome(logits, label, reading))
  }

  /// Counts one picture.
  package mutating func count(_ outcome: ClassificationOutcome) {
    tally.count(outcome.competing)
    if let place = outcome.overAll { overAll?.count(place) }
  }
}
