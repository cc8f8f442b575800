import FixresBase
import Synchronization

/// The moving parts of a session: arena, buffer table and threads; used by one run at a time.
struct SessionState: ~Copyable, @unchecked Sendable {
  // Sendable because a session's lock guards it.

  /// The memory that a caller gave, and floats of one image in each.
  struct Call {
    var input: UnsafePointer<Float>
    /// nil where the network has no classifier.
    var logits: UnsafeMutablePointer<Float>?
    var features: UnsafeMutablePointer<Float>?
    var inputCount, logitCount, featureCount: Int

    /// Index of the buffer of the features; nil where the graph gives none.
    func featureBuffer(of plan: ExecutionPlan) -> Int? {
      let index = logits == nil ? 0 : 1
      return plan.outputBuffers.indices.contains(index) ? plan.outputBuffers[index] : nil
    }
  }

  let pool: ThreadPool
  var threadCount: Int { pool.threadCount }
  let table: UnsafeMutablePointer<UnsafeMutableRawPointer>
  private let offsets: UnsafeMutablePointer<Int>
  /// Entries of a table: buffers in the arena, and the caller's own. There is a table a thread.
  private let tableCount: Int
  private let bufferCount: Int
  let scratch: AlignedBlock
  let scratchByteCount: Int
  let context: UnsafeMutablePointer<RunContext>
  /// Grows to the largest pass seen.
  private var arena: Arena?
  private var arenaBatch = 0
  /// Whether the weights are in the process's memory, and were the file's when they came there.
  var weightsAreProven = false
  /// The images that threads make themselves, one a thread; nil before there is one.
  private(set) var inputs: AlignedBlock?
  /// The next image of a run of images side by side.
  private let nextImage: UnsafeMutablePointer<Atomic<Int>>
  /// Where features go that the caller does not want.
  private var unwanted: AlignedBlock?

  init(_ plan: ExecutionPlan, _ pool: ThreadPool) {
    self.pool = pool
    bufferCount = plan.buffers.count
    tableCount = plan.bufferCount
    table = .allocate(capacity: tableCount * pool.threadCount)
    offsets = .allocate(capacity: max(bufferCount, 1))
    for (index, buffer) in plan.buffers.enumerated() { offsets[index] = buffer.offset }
    scratchByteCount = (plan.scratchByteCount + 63) & ~63
    scratch = AlignedBlock(byteCount: scratchByteCount * pool.threadCount)
    // Less is the heap's.
    if scratch.byteCount >= LargePages.byteCount { plan.pages.take(scratch.base, scratch.byteCount) }
    context = .allocate(capacity: pool.threadCount)
    nextImage = .allocate(capacity: 1)
    nextImage.initialize(to: Atomic(0))
  }

  deinit {
    table.deallocate()
    offsets.deallocate()
    context.deallocate()
    nextImage.deinitialize(count: 1)
    nextImage.deallocate()
  }

  /// Runs images `first ..< first + count` of `call`; `timings` gets nanoseconds a step, and `finished` is told of each;
  /// with it, the run may be cancelled between steps.
  mutating func run(
    _ plan: ExecutionPlan, _ call: Call, weights: PreparedWeights, first: Int, count: Int,
    timings: UnsafeMutablePointer<UInt64>?, finished: ((Int) -> Void)? = nil
  ) throws(RuntimeError) {
    precondition(weights.belong(to: plan.weights), "these are the weights of another plan")
    try prepare(plan, call, count)
    guard let arena = arena?.base else { preconditionFailure("a pass runs in an arena") }
    for index in 0..<bufferCount { table[index] = arena + offsets[index] * count }
    table[plan.inputBuffer] = UnsafeMutableRawPointer(mutating: call.input + first * call.inputCount)
    if let logits = call.logits {
      table[plan.outputBuffers[0]] = UnsafeMutableRawPointer(logits + first * call.logitCount)
    }
    if let featureBuffer = call.featureBuffer(of: plan) {
      table[featureBuffer] =
        call.features.map { UnsafeMutableRawPointer($0 + first * call.featureCount) } ?? unwanted?.base
        ?? scratch.base
    }
    context.initialize(
      to: RunContext(
        buffers: table, batch: count, scratch: scratch.base, scratchByteCount: scratchByteCount))
    var before = timings == nil ? 0 : MonotonicClock.nanoseconds()
    for index in 0..<plan.flatSteps.count {
      let step = plan.flatSteps[index]
      weights.makeReadable(step: index, pool, context)
      pool.run(
        step.function, step.arguments, context, count: step.itemsCoverBatch ? step.items : step.items * count)
      if let timings {
        let after = MonotonicClock.nanoseconds()
        timings[index] = after - before
        before = after
      }
      if let finished {
        finished(index)
        guard !Cancellation.isRequested else { throw .cancelled }
      }
    }
  }

  /// Runs images `first ..< first + count` of `call`, each on one thread from end to end; `source`, where given, makes
  /// the input of each on that thread, and `call.input` is not read.
  ///
  /// Threads then never wait for one another, nor read what another core has written, and what an image leaves
  /// behind stays in the caches for its next layer. The bits are those of `run`: no sum depends on who computes it.
  mutating func runImages(
    _ plan: ExecutionPlan, _ call: Call, weights: PreparedWeights, first: Int, count: Int,
    source: UnsafePointer<ImageSource>? = nil
  ) throws(RuntimeError) {
    precondition(
      weights.belong(to: plan.weights) && weights.areResident, "images side by side read resident weights")
    try prepare(plan, call, pool.threadCount, features: count)
    if source != nil { try prepareInputs(call) }
    guard let arena = arena?.base else { preconditionFailure("a pass runs in an arena") }
    for thread in 0..<pool.threadCount {
      let own = table + thread * tableCount
      for index in 0..<bufferCount { own[index] = arena + (thread * plan.arenaByteCount + offsets[index]) }
      (context + thread).initialize(
        to: RunContext(buffers: own, batch: 1, scratch: scratch.base, scratchByteCount: scratchByteCount))
    }
    guard let steps = plan.flatSteps.baseAddress else { return }
    let features = call.features.map { $0 + first * call.featureCount } ?? unwanted?.floats
    nextImage.pointee.store(0, ordering: .relaxed)
    let job = ImageJob(
      steps: UnsafePointer(steps), stepCount: plan.flatSteps.count, contexts: context, tables: table,
      tableCount: tableCount, inputBuffer: plan.inputBuffer,
      logitBuffer: call.logits == nil ? -1 : plan.outputBuffers[0],
      featureBuffer: call.featureBuffer(of: plan) ?? -1,
      input: source == nil ? call.input + first * call.inputCount : call.input, source: source,
      own: inputs?.floats ?? scratch.base.assumingMemoryBound(to: Float.self),
      logits: call.logits.map { $0 + first * call.logitCount }, features: features,
      inputCount: call.inputCount, logitCount: call.logitCount, featureCount: call.featureCount,
      imageCount: count, next: nextImage)
    withUnsafePointer(to: job) { pool.run(ImageJob.function, $0, context, count: pool.threadCount) }
  }

  /// Memory for the inputs that a source writes, an image a thread.
  mutating func prepareInputs(_ call: Call) throws(RuntimeError) {
    guard inputs == nil else { return }
    let needed = ElementFormat.f32.byteCount(of: call.inputCount * pool.threadCount)
    guard AlignedBlock.isGranted(byteCount: needed) else {
      throw .planTooLarge(needed: needed, available: MachineMemory.availableByteCount())
    }
    inputs = AlignedBlock(count: call.inputCount * pool.threadCount, of: .f32)
  }

  /// Takes what memory a pass of `count` images needs and does not have yet.
  private mutating func prepare(
    _ plan: ExecutionPlan, _ call: Call, _ count: Int, features: Int? = nil
  ) throws(RuntimeError) {
    if count > arenaBatch {
      (arena, arenaBatch) = (nil, 0)  // the old one goes before the new one comes
      let needed = try plan.arenaByteCount(images: count)
      guard let made = Arena(byteCount: needed) else {
        throw .planTooLarge(needed: needed, available: MachineMemory.availableByteCount())
      }
      plan.pages.take(made.base, needed)
      (arena, arenaBatch) = (made, count)
    }
    // Whether the caller wants them or not: the next one of this batch size may not, and no run but a first allocates.
    let images = features ?? count
    if call.featureBuffer(of: plan) != nil,
      unwanted?.byteCount ?? 0 < ElementFormat.f32.byteCount(of: images * call.featureCount)
    {
      let needed = ElementFormat.f32.byteCount(of: images * call.featureCount)
      guard AlignedBlock.isGranted(byteCount: needed) else {
        throw .planTooLarge(needed: needed, available: MachineMemory.availableByteCount())
      }
      unwanted = AlignedBlock(count: images * call.featureCount, of: .f32)
    }
  }

  /// NCHW floats of `value` in the pass that ran last, whose batch was `count`.
  func read(_ value: ExecutionPlan.ValueInfo, count: Int) -> [Float] {
    precondition(value.layout.format == .f32, "\(value.name) is kept as \(value.layout.format.name)")
    let area = value.layout.height * value.layout.width
    let layout = value.layout
    let base = table[value.buffer].assumingMemoryBound(to: Float.self)
    return [Float](unsafeUninitializedCapacity: count * layout.channels * area) { target, filled in
      for image in 0..<count {
        for channel in 0..<layout.channels {
          let offset = channel / layout.block * layout.planeStride + channel % layout.block
          let plane = base + image * layout.imageStride + layout.origin + offset
          for index in 0..<area {
            target[(image * layout.channels + channel) * area + index] =
              plane[index / layout.width * layout.rowStride + index % layout.width * layout.block]
          }
        }
      }
      filled = count * layout.channels * area
    }
  }
}
