import Synchronization

/// A request to stop that a caller without a task makes: work looks for it between its parts, and no output is written
/// after it.
///
/// ```swift
/// Cancellation.$current.withValue(cancellation) { Tool.run(words, console) }
/// ```
package final class Cancellation: Sendable {
  /// What stops the work that this thread does for a caller; nil where nobody may.
  @TaskLocal package static var current: Cancellation?

  private let flag = Atomic<Bool>(false)

  /// A request that nobody has made yet.
  package init() {}

  /// Makes the request.
  package func request() { flag.store(true, ordering: .relaxed) }

  /// Whether the request was made.
  package var isRequested: Bool { flag.load(ordering: .relaxed) }

  /// Whether the work of this thread is to stop: its caller asks for it, or its task was cancelled.
  package static var isRequested: Bool { Task.isCancelled || current?.isRequested == true }
}
