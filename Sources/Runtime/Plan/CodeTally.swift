import Synchronization

/// The machine code of a plan, each kernel counted once, by whatever thread comes to it first.
final class CodeTally: Sendable {
  /// Bytes of whole pages at most; a ResNet-152 has 1 MB of them. Every kernel is a mapping of its own, of which a
  /// process has only so many.
  private static let mostBytes = 32 << 20
  private static let pageByteCount = 4096

  private let state = Mutex<(seen: Set<ObjectIdentifier>, byteCount: Int)>(([], 0))

  func add(_ kernels: [any ListedKernel]) {
    state.withLock { state in
      for kernel in kernels where state.seen.insert(ObjectIdentifier(kernel)).inserted {
        state.byteCount += (kernel.byteCount / Self.pageByteCount + 1) * Self.pageByteCount
      }
    }
  }

  var isExceeded: Bool { state.withLock { $0.byteCount > Self.mostBytes } }
}
