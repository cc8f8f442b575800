import FixresBase
import FixresIR

extension Session {
  /// Runs `count` images whose inputs `input` makes, each on the thread that then takes it through the network.
  ///
  /// `input` returns the floats `[C, H, W]` of an image: `own`, after writing them there, or memory that stays until the
  /// run returns; nil leaves the image's row of `logits` `[count, classCount]` and `features` `[count, featureCount]` as
  /// it is. It is called once for each image, by any of the session's threads.
  ///
  /// - Throws: `outputSize` where a count does not fit, or a refusal of memory.
  package func runImages(
    _ count: Int, logits: UnsafeMutableBufferPointer<Float>, features: UnsafeMutableBufferPointer<Float>?,
    input: @Sendable (_ index: Int, _ own: UnsafeMutablePointer<Float>) -> UnsafePointer<Float>?
  ) throws(RuntimeError) {
    guard count > 0 else { return }
    try checkOutputs(of: count, logits: logits, features: features)
    try withoutActuallyEscaping(input) { (input) throws(RuntimeError) in
      var source = SessionState.ImageSource(function: input)
      try withState { (state) throws(RuntimeError) in
        // No input is read from the call's memory: sources give it.
        let call = SessionState.Call(
          input: UnsafePointer(state.scratch.base.assumingMemoryBound(to: Float.self)),
          logits: classCount == 0 ? nil : logits.baseAddress, features: features?.baseAddress,
          inputCount: inputCount, logitCount: classCount, featureCount: featureCount)
        try run(&state, call, &source, images: count)
      }
    }
  }

  /// Images side by side as far as they fill all threads; the few that are left over are run layer by layer, each on all
  /// threads.
  private func run(
    _ state: inout SessionState, _ call: SessionState.Call, _ source: inout SessionState.ImageSource,
    images count: Int
  ) throws(RuntimeError) {
    let threads = state.threadCount
    let weights = state.prepareWeights(of: plan, images: count)
    var first = 0
    if count >= threads, threads <= passBatch, weights.areResident {
      // Of many images the last few cost little: threads take them as they come free.
      first = count >= Self.manyImages * threads ? count : count - count % threads
      try withUnsafePointer(to: &source) { (source) throws(RuntimeError) in
        try state.runImages(plan, call, weights: weights, first: 0, count: first, source: source)
      }
    }
    try state.prepareInputs(call)
    while first < count, let own = state.inputs?.floats {
      if let input = source.function(first, own) {
        var one = call
        one.input = input
        one.logits = call.logits.map { $0 + first * call.logitCount }
        one.features = call.features.map { $0 + first * call.featureCount }
        try state.run(plan, one, weights: weights, first: 0, count: 1, timings: nil)
      }
      first += 1
    }
  }

  /// Images a thread from which on all run side by side.
  private static let manyImages = 4
}
