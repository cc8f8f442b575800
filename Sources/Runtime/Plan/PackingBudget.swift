import FixresBase
import Synchronization

/// What a plan's packed weights and tables may take, shared by the threads that plan its layers.
///
/// Beside the machine's memory it bounds them by the model's constants, so that a small file, whose layers share a
/// constant or have one channel in each block, cannot ask for gigabytes.
package final class PackingBudget: Sendable {
  /// Packed forms of a constant: Winograd's is 4 times as large, a classifier of one class 16 times.
  private static let largestRatio = 64
  private static let spare = 256 << 20

  package let limit: Int
  private let used = Mutex(0)

  /// For the plan of constants of `constantByteCount` bytes where `available` bytes of memory are left.
  package init(constantByteCount: Int, available: Int) {
    let ratio = constantByteCount.multipliedSaturated(Self.largestRatio).addingSaturated(Self.spare)
    limit = min(ratio, max(available, 0))
  }

  /// Counts `byteCount` bytes that are about to be taken.
  ///
  /// - Throws: `memory` with all bytes that would then be taken, where these are more than the limit.
  package func take(_ byteCount: Int) throws(KernelRefusal) {
    let needed = used.withLock { used in
      used = used.addingSaturated(byteCount)
      return used
    }
    guard needed <= limit else { throw .memory(needed: needed) }
  }
}
