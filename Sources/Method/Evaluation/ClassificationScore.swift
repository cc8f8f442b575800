import FixresRuntime

/// Accuracy and loss, with each picture's outcome for a paired comparison.
public struct ClassificationScore: Sendable {
  /// Accuracy and loss over all pictures so far.
  package private(set) var evaluation: Evaluation
  /// Whether no class ranked before each picture's.
  public private(set) var hits: [Bool] = []
  /// Each picture's loss in nats.
  public private(set) var losses: [Double] = []
  /// `[pictures, classes]` where they are kept.
  package private(set) var logits: [Float] = []
  /// The class of each picture whose logits are kept.
  package private(set) var labels: [Int32] = []
  /// Whether logits are kept.
  package let keepsLogits: Bool

  /// An empty score of rows that are read as `reading` says; with `keepsLogits` every picture's logits are kept.
  package init(_ reading: ScoreReading, keepsLogits: Bool = false) {
    evaluation = Evaluation(reading)
    self.keepsLogits = keepsLogits
  }

  /// How scores are read.
  package var reading: ScoreReading { evaluation.reading }

  /// Share of pictures whose greatest logit is that of their class, 0...1.
  public var top1: Double { evaluation.top1 }
  /// Share of pictures whose class is among the five greatest logits, 0...1.
  public var top5: Double { evaluation.top5 }
  /// Mean loss in nats.
  public var loss: Double { evaluation.loss }
  /// Number of pictures.
  public var images: Int { evaluation.images }

  /// Counts one picture of class `label` with the logits `row` `[classes]`; nothing where there is no classifier.
  package mutating func add(_ row: UnsafeBufferPointer<Float>, label: Int) {
    guard !row.isEmpty else { return }
    add(ClassificationOutcome(row, label, reading), logits: row, label: label)
  }

  /// Counts one picture of class `label`; `row`, its logits, may be empty where they are not kept.
  package mutating func add(
    _ outcome: ClassificationOutcome, logits row: UnsafeBufferPointer<Float>, label: Int
  ) {
    evaluation.count(outcome)
    losses.append(outcome.competing.loss)
    hits.append(outcome.competing.rank == 0)
    if keepsLogits {
      logits += row
      labels.append(Int32(label))
    }
  }

  /// The mean of the two scores' probabilities, scored again; both must have kept the logits of the same pictures.
  package static func averaged(_ first: ClassificationScore, _ second: ClassificationScore)
    -> ClassificationScore
  {
    precondition(
      first.labels == second.labels && first.logits.count == second.logits.count,
      "only results of the same pictures can be averaged")
    let whole = first.reading.unrestricted
    var result = ClassificationScore(first.reading)
    let classes = first.logits.count / max(first.labels.count, 1)
    for (index, label) in first.labels.enumerated() {
      let range = index * classes..<(index + 1) * classes
      let a = first.logits[range].withUnsafeBufferPointer(whole.probabilities)
      let b = second.logits[range].withUnsafeBufferPointer(whole.probabilities)
      let row = whole.scores(ofProbabilities: zip(a, b).map { ($0 + $1) / 2 })
      row.withUnsafeBufferPointer { result.add($0, label: Int(label)) }
    }
    return result
  }
}
