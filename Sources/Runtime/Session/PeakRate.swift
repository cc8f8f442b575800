import FixresAssembler
import FixresBase

/// The rate that no kernel of an instruction set can exceed, measured on registers alone.
package enum PeakRate {
  /// Giga floating-point operations a second on one core (the best of several short runs: other work only ever slows one) with the kernels
  /// that `isa` names.
  ///
  /// - Throws: the system's refusal of executable memory.
  package static func measure(isa: String) throws(ExecutableMemoryError) -> Double {
    if let level = VectorISA.Level(rawValue: isa) {
      let loop = try PeakLoop(VectorISA(level))
      return best(operations: loop.operations(passes: passes)) { loop.run(passes: passes) }
    }
    return best(operations: passes * operationsPerPass) { sink += multiplyAdds(passes) }
  }

  private static let passes = 100_000
  /// Twelve chains of four lanes, a multiplication and an addition each: enough to hide the latency of both.
  private static let operationsPerPass = 96
  /// Keeps the sums from being optimised away.
  nonisolated(unsafe) private static var sink: Float = 0

  private static func best(operations: Int, _ run: () -> Void) -> Double {
    var rates: [Double] = []
    for _ in 0..<9 {
      let start = MonotonicClock.nanoseconds()
      run()
      rates.append(Double(operations) / Double(max(MonotonicClock.nanoseconds() - start, 1)))
    }
    return rates.max() ?? 0
  }

  @inline(never)
  private static func multiplyAdds(_ passes: Int) -> Float {
    let (a, b) = (Lanes(repeating: sink + 0.999), Lanes(repeating: 0.001))
    var (s0, s1, s2, s3, s4, s5) = (a, a, a, a, a, a)
    var (s6, s7, s8, s9, s10, s11) = (b, b, b, b, b, b)
    for _ in 0..<passes {
      // Each product feeds the next sum of its own chain alone.
      s0 = b.adding(s0, times: a)
      s1 = b.adding(s1, times: a)
      s2 = b.adding(s2, times: a)
      s3 = b.adding(s3, times: a)
      s4 = b.adding(s4, times: a)
      s5 = b.adding(s5, times: a)
      s6 = b.adding(s6, times: a)
      s7 = b.adding(s7, times: a)
      s8 = b.adding(s8, times: a)
      s9 = b.adding(s9, times: a)
      s10 = b.adding(s10, times: a)
      s11 = b.adding(s11, times: a)
    }
    let sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11
    return sum[0] + sum[3]
  }
}
