import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How a network's row of scores is read: which function gives probabilities, and which classes compete.
///
/// Everything that shows a probability, ranks classes or computes a loss does it here.
package struct ScoreReading: Hashable, Sendable {
  /// The function that turns scores into probabilities.
  package enum Function: Hashable, Sendable {
    /// Softmax over the classes that compete: one of them holds. The loss is cross-entropy.
    case softmax
    /// The sigmoid of each score: classes that may hold together. The loss is the mean binary cross-entropy.
    case sigmoidOfEach
    /// The sigmoid of the single score: class 1 above 0.5, else class 0. The loss is binary cross-entropy.
    case sigmoidOfOne
  }

  /// The function that gives probabilities.
  package let function: Function
  /// The logits that compete, ascending; nil where all do.
  package let competing: [Int]?
  /// Number of logits of a row.
  package let scoreCount: Int

  /// A reading of rows of `logitCount` scores of the given meaning; only those at `competing` count (nil: all).
  package init(_ meaning: OutputMeaning, logitCount: Int, competing: [Int]? = nil) {
    scoreCount = logitCount
    self.competing = competing.map { $0.sorted() }
    function =
      switch meaning {
      case .logits: logitCount == 1 ? .sigmoidOfOne : .softmax
      case .softmax: .softmax
      case .sigmoid: logitCount == 1 ? .sigmoidOfOne : .sigmoidOfEach
      }
  }

  /// Number of classes that a label can name: a single logit tells two.
  package var classCount: Int { function == .sigmoidOfOne ? 2 : scoreCount }

  /// This reading with all logits competing.
  package var unrestricted: ScoreReading { ScoreReading(function, scoreCount) }

  private init(_ function: Function, _ logitCount: Int) {
    (self.function, scoreCount, competing) = (function, logitCount, nil)
  }

  /// The probability of each score of `row`, in double; of those that compete, in their order.
  package func probabilities(_ row: UnsafeBufferPointer<Float>) -> [Double] {
    let scores = scores(row)
    switch function {
    case .softmax: return scores.withUnsafeBufferPointer(Self.softmax)
    case .sigmoidOfEach, .sigmoidOfOne: return scores.map(Self.sigmoid)
    }
  }

  /// The rank of class `label` from 0 in `row`: the number of classes that come before it.
  ///
  /// Of equal scores the lower index comes first, and NaN before everything.
  package func rank(of label: Int, in row: UnsafeBufferPointer<Float>) -> Int {
    guard function != .sigmoidOfOne else {
      guard let score = row.first, !score.isNaN else { return 1 }
      return (score > 0) == (label == 1) ? 0 : 1
    }
    guard competing != nil else { return Self.rank(of: label, in: row) }
    return scores(row).withUnsafeBufferPointer { Self.rank(of: index(of: label), in: $0) }
  }

  /// The `count` indices of `row` with the greatest scores, best first; of equal scores the lower index comes first.
  package func best(_ count: Int, of row: UnsafeBufferPointer<Float>) -> [Int] {
    let order = row.indices.sorted { a, b in row[a] == row[b] ? a < b : row[a] > row[b] }
    return Array(order.prefix(max(count, 0)))
  }

  /// The loss of `row` where class `label` is right, in nats, computed in double.
  package func loss(of label: Int, in row: UnsafeBufferPointer<Float>) -> Double {
    switch function {
    case .softmax:
      guard competing != nil else { return Self.crossEntropy(of: label, in: row) }
      return scores(row).withUnsafeBufferPointer { Self.crossEntropy(of: index(of: label), in: $0) }
    case .sigmoidOfOne: return Self.binaryCrossEntropy(Double(row.first ?? .nan), isRight: label == 1)
    case .sigmoidOfEach:
      let (scores, index) = (scores(row), index(of: label))
      var sum = 0.0
      for (place, score) in scores.enumerated() {
        sum += Self.binaryCrossEntropy(Double(score), isRight: place == index)
      }
      return sum / Double(max(scores.count, 1))
    }
  }

  /// Scores whose probabilities are `probabilities`.
  package func scores(ofProbabilities probabilities: [Double]) -> [Float] {
    let least = 1e-300
    return probabilities.map { probability in
      switch function {
      case .softmax: Float(log(max(probability, least)))
      case .sigmoidOfEach, .sigmoidOfOne:
        Float(log(max(probability, least)) - log(max(1 - probability, least)))
      }
    }
  }

  /// The rank of `label` from 0: the number of classes with greater logits. Of equal logits the lower index ranks
  /// first, and NaN ranks before everything.
  package static func rank(of label: Int, in logits: UnsafeBufferPointer<Float>) -> Int {
    let own = logits[label]
    guard !own.isNaN else { return logits.count }
    var rank = 0
    for index in logits.indices where index != label {
      let other = logits[index]
      if other > own || other.isNaN || (other == own && index < label) { rank += 1 }
    }
    return rank
  }

  /// -log softmax(logits)[label], computed in double.
  package static func crossEntropy(of label: Int, in logits: UnsafeBufferPointer<Float>) -> Double {
    let greatest = Double(logits.max() ?? 0)
    var sum = 0.0
    for logit in logits { sum += exp(Double(logit) - greatest) }
    return log(sum) + greatest - Double(logits[label])
  }

  /// Softmax in double.
  package static func softmax(_ logits: UnsafeBufferPointer<Float>) -> [Double] {
    let greatest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  private func scores(_ row: UnsafeBufferPointer<Float>) -> [Float] {
    competing.map { $0.map { row[$0] } } ?? Array(row)
  }

  /// The place of class `label` among those that compete.
  private func index(of label: Int) -> Int { competing?.firstIndex(of: label) ?? label }

  private static func sigmoid(_ score: Float) -> Double { 1 / (1 + exp(-Double(score))) }

  /// -log of the probability that `score` gives to what is the case.
  private static func binaryCrossEntropy(_ score: Double, isRight: Bool) -> Double {
    max(score, 0) - (isRight ? score : 0) + log1p(exp(-abs(score)))
  }
}

extension ModelMetadata {
  /// How rows of `logitCount` scores of this model are read.
  package func reading(logitCount: Int) -> ScoreReading { ScoreReading(outputs, logitCount: logitCount) }
}
