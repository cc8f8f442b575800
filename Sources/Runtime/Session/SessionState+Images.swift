extension SessionState {
  /// What a thread needs to take images of its own through the whole plan.
  struct ImageJob: BitwiseCopyable {
    var steps: UnsafePointer<ExecutionPlan.Step>
    var stepCount: Int
    /// One context and one table of buffers a thread.
    var contexts: UnsafeMutablePointer<RunContext>
    var tables: UnsafeMutablePointer<UnsafeMutableRawPointer>
    var tableCount: Int
    var inputBuffer: Int
    /// -1 where the graph gives no logits.
    var logitBuffer: Int
    /// -1 where the graph gives no features.
    var featureBuffer: Int
    var input: UnsafePointer<Float>
    var logits, features: UnsafeMutablePointer<Float>?
    var inputCount, logitCount, featureCount: Int

    /// Images `begin ..< end`, one after the other, every step on this thread alone.
    static let function: StepFunction = { arguments, _, begin, end, thread in
      let job = UnsafePointer(arguments.assumingMemoryBound(to: ImageJob.self)).pointee
      let table = job.tables + thread &* job.tableCount
      let context = UnsafeRawPointer(job.contexts + thread)
      for image in begin..<end {
        table[job.inputBuffer] = UnsafeMutableRawPointer(mutating: job.input + image &* job.inputCount)
        if job.logitBuffer >= 0, let logits = job.logits {
          table[job.logitBuffer] = UnsafeMutableRawPointer(logits + image &* job.logitCount)
        }
        if job.featureBuffer >= 0, let features = job.features {
          table[job.featureBuffer] = UnsafeMutableRawPointer(features + image &* job.featureCount)
        }
        for index in 0..<job.stepCount {
          let step = job.steps[index]
          step.function(step.arguments, context, 0, step.items, thread)
        }
      }
    }
  }
}
