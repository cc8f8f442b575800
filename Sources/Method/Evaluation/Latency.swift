import FixresBase
import FixresRuntime

/// Latency of a session for one picture.
package enum Latency {
  /// Runs that warm up, and bounds on those that are timed.
  private static let (warmUps, fewest, most) = (2, 12, 100)
  private static let budget: UInt64 = 1_000_000_000

  /// The lower quartile over 12 to 100 runs within about a second, in milliseconds: other work on the machine only
  /// ever adds to a run's time.
  ///
  /// - Throws: `RuntimeError` where the session can't run.
  package static func milliseconds(_ session: Session) throws(RuntimeError) -> Double {
    let input = [Float](repeating: 0.5, count: session.inputShape.reduce(1, *))
    var logits = [Float](repeating: 0, count: session.classCount)
    var times: [Double] = []
    let start = MonotonicClock.nanoseconds()
    while times.count < warmUps + fewest
      || (times.count < warmUps + most && MonotonicClock.nanoseconds() - start < budget)
    {
      let before = MonotonicClock.nanoseconds()
      try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
        try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
          try session.run(input, batch: 1, logits: logits)
        }
      }
      times.append(Double(MonotonicClock.nanoseconds() - before) / 1e6)
    }
    return times.dropFirst(warmUps).sorted()[(times.count - warmUps) / 4]
  }
}
