import FixresBase
import FixresRuntime

/// Latency of a session for one picture.
public struct Latency: Hashable, Sendable {
  /// The least lower quartile of any round, in milliseconds: other work on the machine only ever adds to a run's time.
  public private(set) var milliseconds = Double.infinity
  /// The greatest lower quartile of any round, in milliseconds.
  public private(set) var greatest = 0.0

  /// Rounds that lie farther apart than this, as a ratio, were disturbed.
  private static let steady = 1.15
  /// Runs that warm up, and bounds on those that are timed.
  private static let (warmUps, fewest, most) = (2, 8, 60)
  private static let budget: UInt64 = 400_000_000

  /// A latency that no round has measured.
  package init() {}

  /// The latency of one round of these milliseconds.
  package init(milliseconds: Double) { add(milliseconds: milliseconds) }

  /// Whether the rounds differ by more than an undisturbed machine explains.
  public var isNoisy: Bool { greatest > Self.steady * milliseconds }

  /// Adds a round: 8 to 60 runs within about 0.4 s.
  ///
  /// - Throws: `RuntimeError` where the session can't run.
  package mutating func measure(_ session: Session) throws(RuntimeError) {
    let input = [Float](repeating: 0.5, count: session.inputShape.reduce(1, *))
    var logits = [Float](repeating: 0, count: session.classCount)
    var times: [Double] = []
    let start = MonotonicClock.nanoseconds()
    while times.count < Self.warmUps + Self.fewest
      || (times.count < Self.warmUps + Self.most && MonotonicClock.nanoseconds() - start < Self.budget)
    {
      let before = MonotonicClock.nanoseconds()
      try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
        try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
          try session.run(input, batch: 1, logits: logits)
        }
      }
      times.append(Double(MonotonicClock.nanoseconds() - before) / 1e6)
    }
    add(milliseconds: times.dropFirst(Self.warmUps).sorted()[(times.count - Self.warmUps) / 4])
  }

  /// Adds a round of these milliseconds.
  package mutating func add(milliseconds round: Double) {
    milliseconds = min(milliseconds, round)
    greatest = max(greatest, round)
  }
}
