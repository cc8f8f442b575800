import Synchronization

/// Counts how often work is done that one call should do only once, so that a test can assert it.
///
/// Code that does such work calls `record`. Outside of `counting` that is a look-up of a task-local value and nothing
/// else.
package final class WorkTally: Sendable {
  /// One kind of work; each room declares its own as a static member.
  package struct Kind: Hashable, Sendable {
    package let name: String

    package init(_ name: String) { self.name = name }
  }

  @TaskLocal private static var current: WorkTally?
  private let counts = Mutex<[Kind: Int]>([:])

  private init() {}

  /// Adds one to the count of `kind`, where this task is inside `counting`.
  package static func record(_ kind: Kind) {
    current?.counts.withLock { $0[kind, default: 0] += 1 }
  }

  /// How often `body` recorded each kind of work on the calling thread; kinds that it never recorded are absent.
  package static func counting<E: Error>(_ body: () throws(E) -> Void) throws(E) -> [Kind: Int] {
    let tally = WorkTally()
    let result = $current.withValue(tally) {
      Result { () throws(E) in try body() }
    }
    try result.get()
    return tally.counts.withLock { $0 }
  }
}
