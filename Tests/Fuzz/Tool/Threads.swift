import FixresBase
import FixresIR
import FixresImaging
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

  /// Classifiers shared by tasks and threads, opened and released while others run; the number of tasks with other bits
  /// than the session's alone.
  static func classify(rounds: Int, seed: UInt64) async throws -> Int {
    var wrong = 0
    for round in 0..<rounds {
      let model = try RandomNetwork.make(seed: seed &+ UInt64(round), layers: 4)
      guard let type = model.graph.imageInput?.type, [1, 3, 4].contains(type.channels) else { continue }
      var preprocessing = Preprocessing.imageNet
      preprocessing.mean = Array(repeating: 0.5, count: type.channels)
      preprocessing.standardDeviation = Array(repeating: 0.25, count: type.channels)
      let classifier = try Classifier(
        model: model, options: SessionOptions(threads: 2),
        preprocessor: Preprocessor(preprocessing, size: type.spatial))
      var random = SeededRandom(seed: seed &+ UInt64(round))
      let input = (0..<type.elementCount).map { _ in random.nextFloat() - 0.5 }
      let expected = try classifier.session.run(input)
      guard expected.logits.allSatisfy(\.isFinite), expected.features.allSatisfy(\.isFinite) else { continue }
      wrong += await withTaskGroup(of: Bool.self) { group in
        for task in 0..<64 {
          group.addTask {
            let results =
              task % 3 == 0
              ? Self.blocking(classifier, input)
              : await classifier.classify(Array(repeating: .tensor(input), count: 1 + task % 8))
            return results.allSatisfy { (try? $0.get())?.logits == expected.logits }
          }
          if task == 5 { group.addTask { (await classifier.classify([])).isEmpty } }
        }
        return await group.reduce(0) { $0 + ($1 ? 0 : 1) }
      }
    }
    return wrong
  }

  /// `classify`, waited for.
  static func classifyAndWait(rounds: Int, seed: UInt64) throws -> Int {
    let outcome = Monitor<Result<Int, any Error>?>(nil)
    Task {
      let result: Result<Int, any Error>
      do { result = .success(try await classify(rounds: rounds, seed: seed)) } catch {
        result = .failure(error)
      }
      outcome.change { $0 = result }
    }
    return try outcome.wait { $0 }.get()
  }

  private static func blocking(
    _ classifier: Classifier, _ input: [Float]
  ) -> [Result<Classification, ClassifierError>] { classifier.classify([.tensor(input)]) }

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
