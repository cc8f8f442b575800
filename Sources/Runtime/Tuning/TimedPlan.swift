import FixresBase
import FixresIR

/// A plan with memory of its own, and the times of its steps over many passes of one picture.
final class TimedPlan {
  private let plan: ExecutionPlan
  private var state: SessionState
  private let weights: PreparedWeights
  private let input: [Float]
  private var logits: [Float]
  private var features: [Float]
  /// The least of each step, in nanoseconds.
  private var least: [UInt64]
  private var passes: [UInt64] = []

  /// `outputCounts` are the floats of each output: logits, then features if there are any.
  init(_ plan: ExecutionPlan, _ pool: ThreadPool, input: [Float], outputCounts counts: [Int]) {
    self.plan = plan
    state = SessionState(plan, pool)
    weights = state.makeWeightsResident(of: plan)
    self.input = input
    logits = [Float](repeating: 0, count: counts[0])
    features = [Float](repeating: 0, count: counts.count > 1 ? counts[1] : 0)
    least = [UInt64](repeating: .max, count: plan.steps.count)
  }

  /// Runs once; a pass that is not counted warms up.
  func pass(isCounted: Bool) throws(RuntimeError) {
    var times = [UInt64](repeating: 0, count: least.count)
    try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
      try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
        try features.withUnsafeMutableBufferPointer { (features) throws(RuntimeError) in
          guard let pixels = input.baseAddress, let results = logits.baseAddress else { return }
          let call = SessionState.Call(
            input: pixels, logits: results, features: features.baseAddress, inputCount: input.count,
            logitCount: logits.count, featureCount: features.count)
          try times.withUnsafeMutableBufferPointer { (times) throws(RuntimeError) in
            try state.run(
              plan, call, weights: weights, first: 0, count: 1, timings: times.baseAddress)
          }
        }
      }
    }
    guard isCounted else { return }
    for index in least.indices { least[index] = min(least[index], times[index]) }
    passes.append(times.reduce(0, &+))
  }

  /// Nanoseconds of the steps of `layers`, each with the step after it.
  func nanoseconds(_ layers: Set<UTF8Key>) -> Double {
    var sum = 0.0
    for index in least.indices where layers.contains(UTF8Key(plan.steps[index].layer)) {
      sum += Double(least[index])
      if index + 1 < least.count { sum += Double(least[index + 1]) }
    }
    return sum
  }

  var medianMilliseconds: Double {
    passes.isEmpty ? 0 : Double(passes.sorted()[passes.count / 2]) / 1e6
  }

  /// Median of what each pass took beside the pass of `other` that it alternated with: other load falls on both.
  func medianRatio(to other: TimedPlan) -> Double {
    let ratios = zip(passes, other.passes).map { Double($0) / Double(max($1, 1)) }.sorted()
    return ratios.isEmpty ? 1 : ratios[ratios.count / 2]
  }
}
