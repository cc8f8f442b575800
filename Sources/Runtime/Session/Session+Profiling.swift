import FixresBase
import FixresIR

extension Session {
  /// What one step of the plan takes.
  package struct StepTiming: Hashable, Sendable {
    /// The value that the step's layer makes.
    package var name: String
    package var kernel: String
    /// Median over the runs.
    package var milliseconds: Double
    /// Two operations a multiply-add; 0 for steps that have none.
    package var gflops: Double
  }

  /// Times every step over `runs` passes of `batch` pictures (at most one pass's images).
  package func profile(_ input: [Float], batch: Int, runs: Int) throws(RuntimeError) -> [StepTiming] {
    var samples = [[UInt64]](repeating: [], count: plan.steps.count)
    var logits = [Float](repeating: 0, count: batch * classCount)
    try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
      try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
        let call = try checked(input, batch: batch, logits: logits, features: nil)
        var nanoseconds = [UInt64](repeating: 0, count: plan.steps.count)
        try withState { (state) throws(RuntimeError) in
          let weights = state.makeWeightsResident(of: plan)
          for run in 0...max(runs, 1) {
            try nanoseconds.withUnsafeMutableBufferPointer { (buffer) throws(RuntimeError) in
              try state.run(
                plan, call, weights: weights, first: 0, count: min(batch, passBatch),
                timings: buffer.baseAddress)
            }
            guard run > 0 else { continue }  // the first warms up
            for index in samples.indices { samples[index].append(nanoseconds[index]) }
          }
        }
      }
    }
    let images = Double(min(batch, passBatch))
    return zip(plan.steps, samples).map { step, times in
      let median = Double(times.sorted()[times.count / 2])
      return StepTiming(
        name: step.layer, kernel: step.kernel, milliseconds: median / 1e6,
        gflops: median > 0 ? 2 * Double(step.macs) * images / median : 0)
    }
  }

  /// Runs one picture as `run` does, and tells `observe` after each step the multiply-adds that are done.
  package func run(_ input: [Float], observe: @escaping (Int) -> Void) throws(RuntimeError) -> Output {
    var logits = [Float](repeating: 0, count: classCount)
    var features = [Float](repeating: 0, count: featureCount)
    let steps = plan.steps
    var done = 0
    try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
      try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
        try features.withUnsafeMutableBufferPointer { (features) throws(RuntimeError) in
          let call = try checked(input, batch: 1, logits: logits, features: features)
          try withState { (state) throws(RuntimeError) in
            let weights = state.prepareWeights(of: plan, images: 1)
            try state.run(plan, call, weights: weights, first: 0, count: 1, timings: nil) { step in
              done = done.addingSaturated(steps[step].macs)
              observe(done)
            }
          }
        }
      }
    }
    return Output(batch: 1, logits: logits, features: features)
  }

  /// Runs pictures and hands every value, in execution order, to `visit` as NCHW; needs a session made
  /// with `keepsValues`, and at most one pass's images.
  package func visitValues(
    _ input: [Float], batch: Int, _ visit: (_ name: String, ReferenceValue) -> Void
  ) throws(RuntimeError) {
    precondition(options.keepsValues, "values are overwritten unless the session keeps them")
    let count = min(batch, passBatch)
    var logits = [Float](repeating: 0, count: batch * classCount)
    try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
      try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
        let call = try checked(input, batch: batch, logits: logits, features: nil)
        try withState { (state) throws(RuntimeError) in
          let weights = state.makeWeightsResident(of: plan)
          try state.run(plan, call, weights: weights, first: 0, count: count, timings: nil)
          for value in plan.values {
            visit(
              value.name,
              ReferenceValue(dims: [count] + value.dims, elements: state.read(value, count: count)))
          }
        }
      }
    }
  }
}
