import FixresBase
import FixresIR

/// Measures, for each distinct convolution of a model, the ways to compute it that give the same bits.
///
/// Everything is timed inside whole passes, a step with the one after it: weights then come from memory as they do in
/// use, and what a choice costs its successor (rows that another core has written) counts. Passes of the cost model's
/// plan and of the candidate's alternate, so that the machine's other load falls on both; minima are compared.
package struct Tuner {
  /// A kind of convolution, and where it occurs.
  struct Problem {
    let descriptor: ConvolutionDescriptor
    var layers: [String]
    /// The cost model's choice.
    let basis: String
    /// The best so far, and its time relative to the basis.
    var best: String
    var ratio = 1.0
    /// What is measured next, without the basis.
    var candidates: [String]
    /// Measured before, the basis included.
    var seen: Set<String>
    /// Graph colouring: adjacent layers get different colours, so all problems of one colour can be measured in one
    /// plan without disturbing each other.
    var colour = 0
  }

  private enum Limit {
    /// Passes of each plan, alternating: to look at all, to look again at the winners, to compare the whole model.
    static let rounds = 6
    static let confirmingRounds = 16
    static let finalRounds = 40
    /// A choice must beat the cost model's by this much, twice, at all thread counts taken together ...
    static let gain = 0.98
    /// ... and may not be slower at any of them.
    static let loss = 1.005
  }

  let model: Model
  let backend: any Backend
  let outputs: [ValueID]
  let available: Int
  let pools: [ThreadPool]
  private let basePlan: ExecutionPlan
  private let input: [Float]

  /// What was found.
  package struct Outcome: Sendable {
    package struct Change: Hashable, Sendable {
      package var layers: [String]
      package var from, to: String
      /// Time with the layer after it, as a share of what the cost model's choice takes.
      package var ratio: Double
    }
    /// Median milliseconds of the whole model in alternation, and the median of the ratios of neighbours.
    package struct Comparison: Hashable, Sendable {
      package var threads: Int
      package var before, after, ratio: Double
    }
    package var tuning: Tuning
    /// Kinds of convolution that were measured.
    package var kinds: Int
    package var changes: [Change]
    package var comparisons: [Comparison]
    /// False where the whole model came out no faster, so that nothing was changed.
    package var isKept: Bool
  }

  /// Plans `model` on this machine as `options` say; nil where its kernels leave nothing to choose.
  package init?(_ model: Model, options: SessionOptions) throws(RuntimeError) {
    var plain = model
    plain.tunings = []
    // The weights of all candidates in the same kind of memory.
    plain.packedConstants = []
    backend = try InstructionSet.choose(
      isExact: options.isExact, requested: options.instructionSet ?? InstructionSet.requested
    ).backend
    guard !backend.processor.isEmpty else { return nil }
    outputs = plain.graph.runOutputs
    guard !outputs.isEmpty else { throw .missingOutput(name: GraphOutput.logits) }
    let allowance = ProcessorAllowance.current().count
    let threads = min(max(options.threads ?? allowance, 1), allowance)
    pools = (threads > 1 ? [1, threads] : [1]).map { ThreadPool(threads: $0) }
    self.model = plain
    available = MachineMemory.availableByteCount()
    basePlan = try Lowering.plan(
      plain, outputs: outputs, backend: backend, keepsValues: false, available: available,
      pool: pools[pools.count - 1])
    var random = SeededRandom(seed: 1)
    let count = plain.graph[plain.graph.inputs[0]].type.elementCount
    input = (0..<count).map { _ in Float(random.nextGaussian()) }
  }

  /// Measures; `progress` gets plans timed and all of them.
  package func run(_ progress: (Int, Int) -> Void) throws(RuntimeError) -> Outcome {
    var problems = try problems()
    let kinds = problems.count
    var done = 0
    func sweep(_ problems: inout [Problem], rounds: Int) throws(RuntimeError) {
      let total = done + Self.planCount(problems)
      for colour in Set(problems.map(\.colour)).sorted() {
        let indices = problems.indices.filter { problems[$0].colour == colour }
        for turn in 0..<(indices.map { problems[$0].candidates.count }.max() ?? 0) {
          progress(done, total)
          let measured = indices.filter { turn < problems[$0].candidates.count }
          try measure(&problems, measured, candidate: turn, rounds: rounds)
          done += 1
        }
        for index in indices { problems[index].seen.formUnion(problems[index].candidates) }
      }
    }
    try sweep(&problems, rounds: Limit.rounds)
    // Around what was better: its tile in other orders, its order with other tiles.
    problems = problems.filter { $0.best != $0.basis }
    for index in problems.indices {
      let near = backend.alternatives(problems[index].descriptor, around: problems[index].best)
      problems[index].candidates = near.filter { !problems[index].seen.contains($0) }
    }
    try sweep(&problems, rounds: Limit.rounds)
    // Once more, the winners alone: the least of many measurements flatters.
    for index in problems.indices {
      (problems[index].candidates, problems[index].ratio) = ([problems[index].best], 1)
      problems[index].best = problems[index].basis
    }
    try sweep(&problems, rounds: Limit.confirmingRounds)
    return try compare(problems.filter { $0.best != $0.basis }, kinds: kinds)
  }

  private static func planCount(_ problems: [Problem]) -> Int {
    Set(problems.map(\.colour)).reduce(0) { sum, colour in
      sum + (problems.filter { $0.colour == colour }.map(\.candidates.count).max() ?? 0)
    }
  }

  /// Convolutions of one descriptor are one problem, if there is anything to choose.
  private func problems() throws(RuntimeError) -> [Problem] {
    var problems: [Problem] = []
    var indices: [ConvolutionDescriptor: Int] = [:]
    for (layer, descriptor) in try Lowering.convolutions(of: model, backend: backend, available: available) {
      if let known = indices[descriptor] {
        problems[known].layers.append(layer)
        continue
      }
      let choices = backend.alternatives(descriptor, around: nil)
      guard choices.count > 1 else { continue }
      indices[descriptor] = problems.count
      problems.append(
        Problem(
          descriptor: descriptor, layers: [layer], basis: choices[0], best: choices[0],
          candidates: Array(choices.dropFirst()), seen: [choices[0]]))
    }
    colour(&problems)
    return problems
  }

  private func colour(_ problems: inout [Problem]) {
    var owner: [UTF8Key: Int] = [:]
    for (index, problem) in problems.enumerated() {
      for layer in problem.layers { owner[UTF8Key(layer)] = index }
    }
    let owners = basePlan.steps.map { owner[UTF8Key($0.layer)] }
    var neighbours = [Set<Int>](repeating: [], count: problems.count)
    for (a, b) in zip(owners, owners.dropFirst()) {
      guard let a, let b, a != b else { continue }
      neighbours[a].insert(b)
      neighbours[b].insert(a)
    }
    for index in problems.indices {
      let taken = Set(neighbours[index].filter { $0 < index }.map { problems[$0].colour })
      problems[index].colour = (0...taken.count).first { !taken.contains($0) } ?? 0
    }
  }

  /// Times the candidate of that number of the problems `indices`, all in one plan, beside the cost model's plan.
  private func measure(
    _ problems: inout [Problem], _ indices: [Int], candidate turn: Int, rounds: Int
  ) throws(RuntimeError) {
    let plan = try plan(indices.map { (problems[$0], problems[$0].candidates[turn]) })
    var ratios = [Double](repeating: 0, count: indices.count)
    var isSlower = [Bool](repeating: false, count: indices.count)
    for pool in pools {
      let base = TimedPlan(basePlan, pool, input: input, outputCounts: outputCounts)
      let other = TimedPlan(plan, pool, input: input, outputCounts: outputCounts)
      for round in 0...rounds {
        try base.pass(isCounted: round > 0)
        try other.pass(isCounted: round > 0)
      }
      for (offset, index) in indices.enumerated() {
        let layers = Set(problems[index].layers.map(UTF8Key.init))
        let ratio = other.nanoseconds(layers) / max(base.nanoseconds(layers), 1)
        ratios[offset] += ratio
        isSlower[offset] = isSlower[offset] || ratio > Limit.loss
      }
    }
    for (offset, index) in indices.enumerated() where !isSlower[offset] {
      let ratio = ratios[offset] / Double(pools.count)
      guard ratio < min(problems[index].ratio, Limit.gain) else { continue }
      (problems[index].best, problems[index].ratio) = (problems[index].candidates[turn], ratio)
    }
  }

  /// Floats of each output.
  private var outputCounts: [Int] { outputs.map { model.graph[$0].type.elementCount } }

  private func plan(_ choices: [(problem: Problem, kernel: String)]) throws(RuntimeError) -> ExecutionPlan {
    var tuned = model
    tuned.tunings = [tuning(choices)]
    return try Lowering.plan(
      tuned, outputs: outputs, backend: backend, keepsValues: false, available: available,
      pool: pools[pools.count - 1])
  }

  private func tuning(_ choices: [(problem: Problem, kernel: String)]) -> Tuning {
    Tuning(
      processor: backend.processor, instructionSet: backend.name,
      choices: choices.flatMap { problem, kernel in
        problem.layers.map { Tuning.Choice(layer: $0, kernel: kernel) }
      })
  }

  /// The whole model with all winners beside the cost model's plan; they are kept if it is faster.
  private func compare(_ winners: [Problem], kinds: Int) throws(RuntimeError) -> Outcome {
    let choices = winners.map { (problem: $0, kernel: $0.best) }
    var outcome = Outcome(
      tuning: tuning(choices), kinds: kinds,
      changes: winners.map { .init(layers: $0.layers, from: $0.basis, to: $0.best, ratio: $0.ratio) },
      comparisons: [], isKept: true)
    guard !winners.isEmpty else { return outcome }
    let plan = try plan(choices)
    for pool in pools {
      let base = TimedPlan(basePlan, pool, input: input, outputCounts: outputCounts)
      let other = TimedPlan(plan, pool, input: input, outputCounts: outputCounts)
      for round in 0...Limit.finalRounds {
        try base.pass(isCounted: round > 0)
        try other.pass(isCounted: round > 0)
      }
      outcome.comparisons.append(
        .init(
          threads: pool.threadCount, before: base.medianMilliseconds, after: other.medianMilliseconds,
          ratio: other.medianRatio(to: base)))
    }
    let ratio = outcome.comparisons.reduce(0) { $0 + $1.ratio } / Double(pools.count)
    if ratio >= 1 || outcome.comparisons.contains(where: { $0.ratio > Limit.loss }) {
      outcome.isKept = false
      outcome.tuning.choices = []
    }
    return outcome
  }
}
