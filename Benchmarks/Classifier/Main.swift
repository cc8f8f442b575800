import FixresBase
import FixresIR
import FixresRuntime

/// Pictures a second of one classifier that tasks share, and how late a sleeping task wakes beside them.
///
///     classifier-bench MODEL.bin PICTURE [THREADS] [SECONDS]
///     classifier-bench MODEL.bin PICTURE [THREADS] call
///
/// For 1, 2, 4 ... 64 tasks, each of which awaits one picture after another, and for one synchronous call of many
/// pictures; the rows take turns in five rounds of SECONDS (1), and the median is printed with its share of the best row.
/// Then a task sleeps 2 ms at a time, 500 times, beside 64 tasks. Every result is compared with the first. With `call` only
/// the rate of synchronous calls is printed.
@main
enum Main {
  static let taskCounts = [1, 2, 4, 8, 16, 32, 64]
  static let rounds = 5

  static func main() async {
    let words = CommandLine.arguments
    guard (3...5).contains(words.count) else {
      print("usage: classifier-bench MODEL.bin PICTURE [THREADS] [SECONDS|call]")
      return
    }
    var options = SessionOptions()
    options.threads = words.count > 3 ? Int(words[3]) : nil
    let seconds = words.count > 4 ? Double(words[4]) ?? 1 : 1
    do {
      let bytes = try FileContents.read(words[2])
      let classifier = try await Classifier(words[1], options: options)
      let load = Load(classifier: classifier, picture: .encoded(bytes))
      if words.last == "call" {
        _ = try load.synchronousRate(seconds: 0.1, count: 4)
        print("\(Text.fixed(try load.synchronousRate(seconds: 3, count: 16), 2)) pictures/s")
      } else {
        try await measure(load, seconds)
      }
    } catch {
      print("classifier-bench: \(error)")
    }
  }

  static func measure(_ load: Load, _ seconds: Double) async throws {
    _ = try await load.rate(tasks: 4, seconds: seconds)
    var rates = [[Double]](repeating: [], count: taskCounts.count + 1)
    for _ in 0..<rounds {
      for (index, count) in taskCounts.enumerated() {
        rates[index].append(try await load.rate(tasks: count, seconds: seconds))
      }
      rates[taskCounts.count].append(try load.synchronousRate(seconds: seconds, count: 64))
    }
    let medians = rates.map { $0.sorted()[$0.count / 2] }
    let best = medians.max() ?? 1
    let names = taskCounts.map { "\($0) tasks" } + ["one call"]
    print("\(load.classifier.session.threadCount) threads")
    for (name, rate) in zip(names, medians) {
      let share = Text.fixed(100 * rate / best, 1)
      print("\(name): \(Text.fixed(rate, 2)) pictures/s, \(share) % of the best")
    }
    let lateness = try await load.lateness(tasks: 64, sleeps: 500).sorted()
    let milliseconds = lateness.map { Text.fixed($0 / 1e6, 2) }
    print(
      "a sleep of 2 ms beside 64 tasks, \(lateness.count) times, wakes late by "
        + "\(milliseconds[lateness.count / 2]) ms (median), "
        + "\(milliseconds[lateness.count * 99 / 100]) ms (99 %), "
        + "\(milliseconds[lateness.count - 1]) ms (at most)")
  }
}

/// One classifier and the picture that its tasks give it.
struct Load: Sendable {
  let classifier: Classifier
  let picture: ClassifierInput

  enum Fault: Error { case otherBits }

  /// Pictures a second of `tasks` tasks that await one picture after another.
  func rate(tasks: Int, seconds: Double) async throws -> Double {
    let start = MonotonicClock.nanoseconds()
    let end = start + UInt64(seconds * 1e9)
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<tasks { group.addTask { try await run { MonotonicClock.nanoseconds() < end } } }
      return try await group.reduce(0, +)
    }
    return Double(count) / (Double(MonotonicClock.nanoseconds() - start) / 1e9)
  }

  /// Pictures a second of synchronous calls of `count` pictures a thread each.
  func synchronousRate(seconds: Double, count each: Int) throws -> Double {
    let inputs = [ClassifierInput](repeating: picture, count: each * classifier.session.threadCount)
    let start = MonotonicClock.nanoseconds()
    var count = 0
    while Double(MonotonicClock.nanoseconds() - start) < seconds * 1e9 {
      for result in classifier.classify(inputs) { _ = try result.get() }
      count += inputs.count
    }
    return Double(count) / (Double(MonotonicClock.nanoseconds() - start) / 1e9)
  }

  /// Nanoseconds that each of `sleeps` sleeps of 2 ms takes longer, beside `tasks` tasks.
  func lateness(tasks: Int, sleeps: Int) async throws -> [Double] {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<tasks { group.addTask { try await run { !Task.isCancelled } } }
      var lateness: [Double] = []
      for _ in 0..<sleeps {
        let start = MonotonicClock.nanoseconds()
        try await Task.sleep(nanoseconds: 2_000_000)
        lateness.append(Double(MonotonicClock.nanoseconds() - start) - 2_000_000)
      }
      group.cancelAll()
      return lateness
    }
  }

  /// Pictures that one task has classified while `goesOn`.
  private func run(while goesOn: () -> Bool) async throws -> Int {
    var expected: Classification?
    var count = 0
    while goesOn() {
      do {
        let found = try await classifier.classify(picture)
        guard expected == nil || found == expected else { throw Fault.otherBits }
        expected = found
        count += 1
      } catch ClassifierError.cancelled {
        break
      }
    }
    return count
  }
}
