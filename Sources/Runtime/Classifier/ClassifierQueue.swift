import FixresBase

/// Runs the inputs of tasks that wait, several at a time, on a thread of its own.
///
/// Requests take turns, so that a long one does not keep short ones waiting.
final class ClassifierQueue: Sendable {
  typealias ItemResult = Result<Classification, ClassifierError>

  /// The inputs of one call.
  private final class Request: @unchecked Sendable {
    // Sendable because the monitor guards it once it is submitted.
    let inputs: [ClassifierInput]
    var results: [ItemResult] = []
    var continuation: CheckedContinuation<[ItemResult], Never>?
    /// Inputs whose results are there or being made.
    var takenCount = 0
    var isCancelled = false

    init(_ inputs: [ClassifierInput]) { self.inputs = inputs }
  }

  private struct State {
    var waiting: [Request] = []
    var hasThread = false
    var isStopped = false
  }

  private let core: ClassifierCore
  private let state = Monitor(State())
  private let gate = ForkGate()
  /// The process whose thread serves this queue.
  private let owner = ProcessGeneration.start()
  /// Inputs that run together at first, at most: enough to keep every thread busy, few enough that tasks are answered
  /// while others are run.
  private let limit: Int
  /// Nanoseconds of a run up to which more inputs run together: at the end of each, threads wait for the last.
  private static let pace = 100_000_000.0
  /// More inputs are run together up to this many times `limit`.
  private static let longestFactor = 4

  init(_ core: ClassifierCore) {
    self.core = core
    limit = 8 * core.session.threadCount
  }

  /// Ends the thread once nothing waits.
  func stop() { if ProcessGeneration.current == owner { state.change { $0.isStopped = true } } }

  /// The results of `inputs`, in their order; the calling task sleeps meanwhile.
  func perform(_ inputs: [ClassifierInput]) async -> [ItemResult] {
    let request = Request(inputs)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        request.continuation = continuation
        submit(request)
      }
    } onCancel: {
      cancel(request)
    }
  }

  private func submit(_ request: Request) {
    // A forked child has no thread that serves the queue.
    guard ProcessGeneration.current == owner, startThread() else {
      request.continuation?.resume(returning: core.classify(request.inputs))
      return
    }
    let isCancelled = state.change { state in
      if !request.isCancelled { state.waiting.append(request) }
      return request.isCancelled
    }
    if isCancelled { request.continuation?.resume(returning: Self.cancelled(request)) }
  }

  /// Makes sure that a thread serves the queue; false where the system refuses one.
  private func startThread() -> Bool {
    state.change { state in
      if state.hasThread { return true }
      let (core, monitor, limit) = (core, self.state, limit)
      guard let thread = WorkerThread({ Self.serve(monitor, core, limit) }) else { return false }
      thread.detach()
      state.hasThread = true
      return true
    }
  }

  private func cancel(_ request: Request) {
    guard ProcessGeneration.current == owner else { return }
    let isWaiting = state.change { state in
      request.isCancelled = true
      guard request.takenCount == request.results.count,
        let index = state.waiting.firstIndex(where: { $0 === request })
      else { return false }
      state.waiting.remove(at: index)
      return true
    }
    if isWaiting { request.continuation?.resume(returning: Self.cancelled(request)) }
  }

  /// The results that are there, and `cancelled` for the others.
  private static func cancelled(_ request: Request) -> [ItemResult] {
    request.results
      + repeatElement(.failure(.cancelled), count: request.inputs.count - request.results.count)
  }

  // MARK: - The thread

  private static func serve(_ monitor: Monitor<State>, _ core: ClassifierCore, _ limit: Int) {
    var room = limit
    while let parts = monitor.wait({ take(&$0, room) }) {
      let start = MonotonicClock.nanoseconds()
      let results = core.classify(parts.flatMap { $0.request.inputs[$0.range] })
      if results.count >= limit {
        let each = Double(MonotonicClock.nanoseconds() - start) / Double(results.count)
        room = max(limit, Int(min(Double(longestFactor * limit), pace / max(each, 1))))
      }
      var first = 0
      for (request, range) in parts {
        let isDone = monitor.change { state in
          request.results += results[first..<first + range.count]
          let isDone = request.results.count == request.inputs.count || request.isCancelled
          if !isDone { state.waiting.append(request) }
          return isDone
        }
        first += range.count
        if isDone { request.continuation?.resume(returning: Self.cancelled(request)) }
      }
    }
  }

  /// The next inputs to run, of requests from the front; `.some(nil)` to end, nil to wait.
  private static func take(
    _ state: inout State, _ limit: Int
  ) -> [(request: Request, range: Range<Int>)]?? {
    guard !state.waiting.isEmpty else { return state.isStopped ? .some(nil) : nil }
    var parts: [(request: Request, range: Range<Int>)] = []
    var room = limit
    while room > 0, !state.waiting.isEmpty {
      let request = state.waiting.removeFirst()
      let end = min(request.takenCount + room, request.inputs.count)
      parts.append((request, request.takenCount..<end))
      room -= end - request.takenCount
      request.takenCount = end
    }
    return parts
  }
}
