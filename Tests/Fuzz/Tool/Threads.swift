import FixresBase
import FixresIR
import FixresRuntime
import TestSupport

/// Sessions shared by threads, made and freed while others run: for the thread sanitizer, and for bits that may not differ.
enum Threads {
  /// Runs `rounds` rounds; the number of runs with other bits than alone.
  static func run(rounds: Int, seed: UInt64) throws -> Int {
    var wrong = 0
    for round in 0..<rounds {
      let model = try RandomNetwork.make(seed: seed &+ UInt64(round), layers: 4)
      let image = model.graph.imageInput?.type.elementCount ?? 0
      var random = SeededRandom(seed: seed &+ UInt64(round))
      let input = (0..<3 * image).map { _ in random.nextFloat() - 0.5 }
      for engine in InstructionSet.available {
        var options = SessionOptions(threads: 1)
        options.instructionSet = engine
        let expected = try Session(model: model, options: options).run(input)
        options.threads = 2
        let shared = try Session(model: model, options: options)
        let sharedOptions = options
        let same = Flags(count: 6)
        Concurrently.perform(6) { task in
          // Every other task makes a session of its own, whose pool starts and ends beside the others.
          let session = task % 2 == 0 ? shared : try? Session(model: model, options: sharedOptions)
          for _ in 0..<3 where (try? session?.run(input)) != expected { same[task] = false }
        }
        wrong += same.falseCount
      }
    }
    return wrong
  }

  /// One flag a task, each written by one thread only.
  private final class Flags: @unchecked Sendable {
    private let slots: UnsafeMutableBufferPointer<Bool>

    init(count: Int) {
      slots = .allocate(capacity: count)
      slots.initialize(repeating: true)
    }

    deinit { slots.deallocate() }

    var falseCount: Int { slots.count { !$0 } }

    subscript(index: Int) -> Bool {
      get { slots[index] }
      set { slots[index] = newValue }
    }
  }
}
