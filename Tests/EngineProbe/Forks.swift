import FixresBase
import FixresIR
import FixresRuntime
import Synchronization

#if canImport(Glibc)
  import Glibc

  /// Forks in the middle of runs: a child either runs, to the same bits, or is refused, and never hangs; its parent goes
  /// on.
  enum Forks {
    private typealias Fork = @convention(c) () -> Int32

    /// Prints how many children ran, were refused, and did neither, and whether the parent's results stayed the same.
    static func run(_ path: String, count: Int) throws {
      guard let fork = dlsym(nil, "fork").map({ unsafeBitCast($0, to: Fork.self) }) else { exit(3) }
      let session = try Session(contentsOf: path, options: SessionOptions(threads: 2))
      let input = [Float](repeating: 0.25, count: session.inputShape.reduce(1, *))
      let expected = try session.run(input)
      let shared = Shared(session: session, input: input, expected: expected)
      let counts = Counts()
      let threads = (0..<2).compactMap { _ in
        WorkerThread {
          while !counts.stops.load(ordering: .relaxed) {
            if shared.differs { counts.differing.wrappingAdd(1, ordering: .relaxed) }
          }
        }
      }
      var outcomes: [Int32: Int] = [:]
      for index in 0..<count {
        usleep(UInt32(index * 37 % 1000))
        let child = fork()
        if child == 0 { endChild(shared) }
        outcomes[wait(for: child), default: 0] += 1
      }
      counts.stops.store(true, ordering: .relaxed)
      for thread in threads { thread.join() }
      let (ran, refused) = (outcomes[0] ?? 0, outcomes[7] ?? 0)
      let isSame = try counts.differing.load(ordering: .relaxed) == 0 && session.run(input) == expected
      print("\(ran) \(refused) \(count - ran - refused) \(isSame)")
    }

    private final class Counts: Sendable {
      let stops = Atomic<Bool>(false)
      let differing = Atomic<Int>(0)
    }

    private struct Shared: Sendable {
      let session: Session
      let input: [Float]
      let expected: Session.Output

      var differs: Bool { (try? session.run(input)) != expected }
    }

    /// 0 for the same bits, 7 for a refusal; the alarm ends a child that hangs.
    private static func endChild(_ shared: Shared) -> Never {
      alarm(10)
      do throws(RuntimeError) {
        _exit(try shared.session.run(shared.input) == shared.expected ? 0 : 1)
      } catch {
        if case .forkedDuringRun = error { _exit(7) }
        _exit(2)
      }
    }

    private static func wait(for child: Int32) -> Int32 {
      var status: Int32 = 0
      while waitpid(child, &status, 0) < 0, errno == EINTR {}
      return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }
  }
#endif
