import FixresBase
import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What a reference's outputs say about a network's scores, whatever the original program made of them.
package struct ReferenceOutputs: Sendable {
  /// What the original program gave out.
  package enum Form: String, Hashable, Sendable {
    /// The scores themselves.
    case scores
    /// Their softmax: the scores are known up to a number added to all of a row.
    case softmax
    /// The logarithm of their softmax, likewise.
    case logSoftmax = "log-softmax"
    /// The sigmoid of each.
    case sigmoid
  }

  /// The outputs in the space of scores under the assumption of one form.
  private struct Reading {
    let form: Form
    let scores: [Double]
    /// What the precision of the outputs leaves open about each score; infinite where it tells nothing.
    let slack: [Double]
    /// Greatest magnitude that differences are a share of.
    let magnitude: Double
  }

  /// How far scores are from the reference.
  package struct Distance: Hashable, Sendable {
    /// The greatest difference of a score beyond the rounding of the stored outputs, as a share of the largest score.
    package let difference: Double
    /// The form under which the outputs were read.
    package let form: Form
  }

  /// Number of inputs.
  package let rows: Int
  /// Outputs of each.
  package let classes: Int
  /// How exactly the outputs were stored.
  package let precision: StoredPrecision
  private let readings: [Reading]

  /// Reads outputs `[N, classes]`; nil where they tell nothing.
  package init?(_ outputs: Tensor) {
    let values = outputs.floats
    (rows, classes) = (outputs.shape[0], outputs.shape[1])
    precision = StoredPrecision(of: values)
    let source = Source(values: values, rows: rows, classes: classes, precision: precision)
    readings = source.readings
    if readings.isEmpty { return nil }
  }

  /// How far `scores` `[N, classes]` are from the reference, under the form that suits best.
  package func distance(of scores: [Float]) -> Distance {
    precondition(scores.count == rows * classes, "a score for each output")
    var best = Distance(difference: .infinity, form: readings[0].form)
    for reading in readings {
      let difference = difference(of: scores, from: reading)
      if difference < best.difference { best = Distance(difference: difference, form: reading.form) }
    }
    return best
  }

  private func difference(of scores: [Float], from reading: Reading) -> Double {
    var greatest = 0.0
    for row in 0..<rows {
      let range = row * classes..<(row + 1) * classes
      let shift = Self.shift(of: scores, from: reading, range)
      for index in range where reading.slack[index].isFinite {
        let distance = abs(Double(scores[index]) - shift - reading.scores[index])
        if distance.isNaN { return .infinity }
        greatest = max(greatest, distance - reading.slack[index])
      }
    }
    return greatest / reading.magnitude
  }

  /// What to take off the scores of a row: the difference at the score that is known best.
  private static func shift(of scores: [Float], from reading: Reading, _ range: Range<Int>) -> Double {
    guard reading.form == .softmax || reading.form == .logSoftmax else { return 0 }
    let anchor = range.max { reading.scores[$0] < reading.scores[$1] } ?? range.lowerBound
    return Double(scores[anchor]) - reading.scores[anchor]
  }

  /// The outputs as given, and their readings.
  private struct Source {
    let values: [Float]
    let rows: Int
    let classes: Int
    let precision: StoredPrecision

    /// What float32 functions of about this size round off on top of what was stored.
    private static let functionRounding = 4e-7
    /// A sum of probabilities this far from 1 is none, whatever they were rounded to.
    private static let sumSlack = 2e-3

    private func isEveryRow(_ sum: (Float) -> Double) -> Bool {
      guard classes > 1 else { return false }
      return (0..<rows).allSatisfy { row in
        let part = values[row * classes..<(row + 1) * classes]
        let slack = Self.sumSlack + part.reduce(0) { $0 + precision.rounding(at: $1) }
        return abs(part.reduce(0) { $0 + sum($1) } - 1) <= slack
      }
    }

    private var areProbabilities: Bool { values.allSatisfy { $0 >= 0 && $0 <= 1 } }

    /// What the outputs may be. Rows that sum to 1 are a softmax; numbers from 0 to 1 may be scores too.
    var readings: [Reading] {
      if areProbabilities, isEveryRow({ Double($0) }) { return [softmax].compactMap { $0 } }
      if values.allSatisfy({ $0 <= 1e-6 }), isEveryRow({ exp(Double($0)) }) {
        return [logSoftmax].compactMap { $0 }
      }
      return [scores, areProbabilities ? sigmoid : nil].compactMap { $0 }
    }

    private var scores: Reading? {
      let magnitude = Double(values.map(abs).max() ?? 0)
      guard magnitude > 0 else { return nil }
      // The rounding of a float32 is the network's own and not the storage's.
      let slack = values.map { precision == .single ? 0 : precision.rounding(at: $0) }
      return Reading(form: .scores, scores: values.map(Double.init), slack: slack, magnitude: magnitude)
    }

    private var softmax: Reading? {
      reading(.softmax) { value in
        guard value > 0 else { return (0, .infinity) }
        return (log(Double(value)), precision.rounding(at: value) / Double(value) + Self.functionRounding)
      }
    }

    private var logSoftmax: Reading? {
      reading(.logSoftmax) { value in
        (Double(value), precision.rounding(at: value) + Self.functionRounding)
      }
    }

    private var sigmoid: Reading? {
      reading(.sigmoid) { value in
        let p = Double(value)
        guard p > 0, p < 1 else { return (0, .infinity) }
        return (log(p / (1 - p)), precision.rounding(at: value) / (p * (1 - p)) + Self.functionRounding)
      }
    }

    /// The reading by `score`, which gives a score and what is open about it; nil where nearly nothing is known.
    private func reading(_ form: Form, _ score: (Float) -> (Double, Double)) -> Reading? {
      var scores: [Double] = []
      var slack: [Double] = []
      for value in values {
        let (known, open) = score(value)
        scores.append(known)
        slack.append(open < 0.1 ? open : .infinity)
      }
      let known = scores.indices.filter { slack[$0].isFinite }
      guard known.count >= (form == .sigmoid ? 1 : 2 * rows) else { return nil }
      let offset = form == .sigmoid ? 0 : known.map { scores[$0] }.max() ?? 0
      let magnitude = known.map { abs(scores[$0] - offset) }.max() ?? 0
      guard magnitude > 0 else { return nil }
      return Reading(form: form, scores: scores, slack: slack, magnitude: magnitude)
    }
  }
}
