import FixresBase
import FixresIR
import Synchronization

/// A model made ready to run: kernels chosen, memory planned, threads waiting.
///
/// A session may be shared by any number of tasks and threads: runs take their turn, each on all the session's
/// threads. Results are the same bits at every thread count, batch size, position in the batch and repetition.
/// After the first run of a batch size no run allocates memory; the first run of several pictures, or else the second
/// run, fills what the weights were given when the session was made (`SessionOptions.packsAtOpen` does so at once).
public final class Session: Sendable {
  /// Shape `[C, H, W]` of one input picture.
  public let inputShape: [Int]
  /// Length of one image's logits; 0 for a network without a classifier.
  public let classCount: Int
  /// Length of one image's pooled features; 0 where the graph does not give them.
  public let featureCount: Int
  /// Threads that a run uses.
  public let threadCount: Int
  /// Floats of one input picture.
  let inputCount: Int
  package let plan: ExecutionPlan
  package let options: SessionOptions
  /// The most images that run at once within `maximumBatch` and a bounded arena.
  let passBatch: Int
  private let state: Mutex<SessionState>
  private let gate = ForkGate()
  /// The mapped files that weights are read from: as long as they are, every run checks that nobody changed them.
  private let witnesses: [FileWitness]
  /// Whether kernels read packed weights in a mapped file for good.
  private let readsFileForGood: Bool

  /// Plans `model`, whose weights the session keeps until they are packed (`SessionOptions.packsAtOpen`).
  ///
  /// - Throws: `RuntimeError` when the graph lacks both outputs, an operation cannot be run, or the plan does not fit in memory.
  public convenience init(
    model: Model, options: SessionOptions = SessionOptions()
  ) throws(RuntimeError) {
    let requested = options.instructionSet ?? InstructionSet.requested
    let choice = try InstructionSet.choose(isExact: options.isExact, requested: requested)
    try self.init(model: model, options: options, backend: choice.backend)
  }

  /// Plans `model` for the kernels of `backend`.
  package init(model: Model, options: SessionOptions, backend: any Backend) throws(RuntimeError) {
    let outputs = model.graph.runOutputs
    guard !outputs.isEmpty else { throw .missingOutput(name: GraphOutput.logits) }
    let pool = ThreadPool(threads: Self.threadCount(options.threads))
    let features = model.graph.output(GraphOutput.features)
    let available = MachineMemory.availableByteCount()
    if options.verifiesPackedWeights { try PackedWeightCheck.verify(model) }
    plan = try Lowering.plan(
      model, outputs: outputs, backend: backend, keepsValues: options.keepsValues, available: available,
      pool: pool, planted: options.plantedFault)
    self.options = options
    inputShape = model.graph[model.graph.inputs[0]].type.dims
    inputCount = inputShape.reduce(1, *)
    classCount = model.classCount
    featureCount = features.map { model.graph[$0].type.elementCount } ?? 0
    threadCount = pool.threadCount
    passBatch = Self.passBatch(options.maximumBatch, plan.arenaByteCount, available)
    witnesses = model.fileWitnesses
    readsFileForGood = plan.weights.all.contains(where: \.isInMappedFile)
    var state = SessionState(plan, pool)
    if options.packsAtOpen { _ = state.makeWeightsResident(of: plan) }
    self.state = Mutex(state)
    try withState { _ throws(RuntimeError) in }
  }

  /// `requested` within what the process may use; one needs no look at the system, 6 % of opening a tiny network.
  private static func threadCount(_ requested: Int?) -> Int {
    if let requested, requested <= 1 { return 1 }
    let allowance = ProcessorAllowance.current().count
    return min(requested ?? allowance, allowance)
  }

  /// Calls `body`, which nobody else does meanwhile, and returns only what files have given that are still the same.
  ///
  /// - Throws: `cancelled` where the task was, `forkedDuringRun`, `model` where a file has changed, and what `body` throws.
  func withState<R>(
    _ body: (inout SessionState) throws(RuntimeError) -> R
  ) throws(RuntimeError) -> R {
    guard !Cancellation.isRequested else { throw .cancelled }
    guard gate.enter() else { throw .forkedDuringRun }
    defer { gate.leave() }
    return try state.withLock { (state) throws(RuntimeError) in
      let result = try body(&state)
      if !state.weightsAreProven {
        for witness in witnesses {
          do throws(FileError) { try witness.requireUnchanged() } catch { throw .model(.file(error)) }
        }
        state.weightsAreProven = witnesses.isEmpty || !readsFileForGood && plan.weights.areResident
      }
      return result
    }
  }

  /// Opens the model file at `path` and plans it.
  ///
  /// A process that has called `MappingGuard.install` maps the file: weights are read from it until they are packed, and
  /// those that `adapt --pack` stored in it as long as the session lives. Replace such a file by renaming another one
  /// over it: once it is changed in place, no run that reads it returns a result. Any other process reads the file into
  /// its memory.
  ///
  /// - Throws: `model` where the file cannot be opened or is malformed, and what `init(model:options:)` throws.
  public convenience init(
    contentsOf path: String, options: SessionOptions = SessionOptions()
  ) throws(RuntimeError) {
    let model: Model
    do { model = try ModelFile.open(path) } catch { throw .model(error) }
    try self.init(model: model, options: options)
  }

  /// As many images as `maximum` allows within 256 MB and half of the memory there is; at least one.
  static func passBatch(_ maximum: Int, _ arenaByteCount: Int, _ available: Int) -> Int {
    let budget = min(1 << 28, available / 2)
    return max(1, min(maximum, budget / max(arenaByteCount, 1)))
  }

  /// What a run gives: logits `[batch, classCount]` and pooled features `[batch, featureCount]`, row-major.
  public struct Output: Equatable, Sendable {
    /// Number of pictures.
    public let batch: Int
    /// Scores before softmax, `[batch, classCount]`.
    public let logits: [Float]
    /// Pooled features, `[batch, featureCount]`.
    public let features: [Float]
  }

  /// Runs pictures `[N, C, H, W]`, normalised as the model's preprocessing says; N follows from the count.
  ///
  /// - Throws: `inputSize` where the count is no multiple of a picture's, or a refusal of memory.
  public func run(_ input: [Float]) throws(RuntimeError) -> Output {
    let batch = max(input.count / inputCount, 1)
    let floats = batch.multipliedSaturated(classCount.addingSaturated(featureCount))
    let needed = floats.multipliedSaturated(4)
    guard needed < AddressSpace.largeByteCount || needed <= MachineMemory.availableByteCount() else {
      throw .planTooLarge(needed: needed, available: MachineMemory.availableByteCount())
    }
    var logits = [Float](repeating: 0, count: batch * classCount)
    var features = [Float](repeating: 0, count: batch * featureCount)
    try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
      try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
        try features.withUnsafeMutableBufferPointer { (features) throws(RuntimeError) in
          try run(input, batch: batch, logits: logits, features: features)
        }
      }
    }
    return Output(batch: batch, logits: logits, features: features)
  }

  /// Runs `batch` pictures `[batch, C, H, W]` into the caller's memory: `logits` `[batch, classCount]`, which may be
  /// empty where there is no classifier, and, where given, `features` `[batch, featureCount]`.
  ///
  /// - Throws: `inputSize` or `outputSize` where a count does not fit `batch`, or a refusal of memory.
  public func run(
    _ input: UnsafeBufferPointer<Float>, batch: Int, logits: UnsafeMutableBufferPointer<Float>,
    features: UnsafeMutableBufferPointer<Float>? = nil
  ) throws(RuntimeError) {
    let call = try checked(input, batch: batch, logits: logits, features: features)
    try withState { (state) throws(RuntimeError) in
      let weights = state.prepareWeights(of: plan, images: batch)
      var first = 0
      while first < batch {
        let threads = state.threadCount
        let rest = batch - first
        // An image on each thread where there are enough (measured: 1.3 times the rate of a shared batch of 8 on two
        // threads, whose activations fall out of the caches); what is left over is shared.
        if rest >= threads, threads <= passBatch, weights.areResident {
          try state.runImages(
            plan, call, weights: weights, first: first, count: rest - rest % threads)
          first += rest - rest % threads
        } else {
          let count = min(passBatch, rest)
          try state.run(
            plan, call, weights: weights, first: first, count: count, timings: nil)
          first += count
        }
      }
    }
  }

  /// Refuses memory that is not as large as the results of `batch` pictures.
  func checkOutputs(
    of batch: Int, logits: UnsafeMutableBufferPointer<Float>, features: UnsafeMutableBufferPointer<Float>?
  ) throws(RuntimeError) {
    guard logits.count == batch * classCount, classCount == 0 || logits.baseAddress != nil else {
      throw .outputSize(name: GraphOutput.logits, expected: batch * classCount, found: logits.count)
    }
    if let features, features.count != batch * featureCount {
      throw .outputSize(name: GraphOutput.features, expected: batch * featureCount, found: features.count)
    }
  }

  /// The call's memory, its sizes checked.
  func checked(
    _ input: UnsafeBufferPointer<Float>, batch: Int, logits: UnsafeMutableBufferPointer<Float>,
    features: UnsafeMutableBufferPointer<Float>?
  ) throws(RuntimeError) -> SessionState.Call {
    let (expected, overflow) = max(batch, 1).multipliedReportingOverflow(by: inputCount)
    guard batch > 0, !overflow, input.count == expected, let inputBase = input.baseAddress else {
      throw .inputSize(
        batch: batch, shape: inputShape, expected: overflow ? .max : expected, found: input.count)
    }
    try checkOutputs(of: batch, logits: logits, features: features)
    return SessionState.Call(
      input: inputBase, logits: classCount == 0 ? nil : logits.baseAddress, features: features?.baseAddress,
      inputCount: inputCount,
      logitCount: classCount, featureCount: featureCount)
  }
}
