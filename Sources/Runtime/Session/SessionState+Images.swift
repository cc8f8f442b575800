import Synchronization

extension SessionState {
  /// Gives a run its images one at a time, on the thread that runs them.
  struct ImageSource {
    /// Returns the floats `[C, H, W]` of image `index`: `own`, after writing them there, or memory that stays until the
    /// run returns; nil for an image that is left out.
    typealias Function =
      @Sendable (_ index: Int, _ own: UnsafeMutablePointer<Float>) -> UnsafePointer<Float>?

    var function: Function
  }

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
    /// The images, one after the other; not read where there is a source.
    var input: UnsafePointer<Float>
    /// nil where `input` holds the images.
    var source: UnsafePointer<ImageSource>?
    /// An image for each thread, for `source` to write to.
    var own: UnsafeMutablePointer<Float>
    var logits, features: UnsafeMutablePointer<Float>?
    var inputCount, logitCount, featureCount: Int
    var imageCount: Int
    /// The next image that no thread has taken.
    var next: UnsafeMutablePointer<Atomic<Int>>

    /// Images as threads come free, one after the other, every step on this thread alone.
    static let function: StepFunction = { arguments, _, _, _, thread in
      let job = UnsafePointer(arguments.assumingMemoryBound(to: ImageJob.self)).pointee
      let table = job.tables + thread &* job.tableCount
      let context = UnsafeRawPointer(job.contexts + thread)
      let own = job.own + thread &* job.inputCount
      while true {
        let image = job.next.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
        guard image < job.imageCount else { return }
        var input = job.input + image &* job.inputCount
        if let source = job.source {
          guard let given = source.pointee.function(image, own) else { continue }
          input = given
        }
        table[job.inputBuffer] = UnsafeMutableRawPointer(mutating: input)
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
