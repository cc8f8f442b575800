import FixresBase
import FixresFuzz

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Many cases in worker processes: hands out ranges, notes what ends a worker, goes on behind it.
struct Campaign {
  /// What became of the cases of one format.
  struct Tally {
    var cases = 0
    var accepted = 0
    var nanoseconds = 0
    var peakKilobytes = 0
    var failures = 0
  }

  /// A range of cases of a format.
  private struct Chunk {
    var format: FuzzFormat
    var numbers: Range<Int>
  }

  /// Cases come from chance; nil for prefixes and flipped bits.
  let seed: UInt64?
  let jobs: Int
  /// Where the files of failed cases go.
  let folder: String
  /// Ends after the first failure.
  let stopsAtFailure: Bool
  private var tallies: [String: Tally] = [:]
  private var queue: [Chunk] = []
  private var sources: [String: FuzzSource] = [:]
  private let scratch: String
  private let start = Child.now()

  /// Failures of one format after which its other cases are left.
  private static let mostFailures = 25
  /// Cases that a worker is given at a time.
  static let chunkCount = 20_000

  init(seed: UInt64?, jobs: Int, folder: String, stopsAtFailure: Bool, scratch: String) {
    (self.seed, self.jobs, self.folder) = (seed, jobs, folder)
    (self.stopsAtFailure, self.scratch) = (stopsAtFailure, scratch)
  }

  /// Runs `counts` cases of each format; the number of failures.
  mutating func run(_ counts: [(format: FuzzFormat, count: Int)]) -> Int {
    fill(counts)
    var slots: [(child: Child, chunk: Chunk)?] = Array(repeating: nil, count: jobs)
    var free: [Child] = (0..<jobs).compactMap { Child(folder: scratch, name: "worker\($0)") }
    guard free.count == jobs else {
      Console.error("no page can be made in \(scratch)")
      return 1
    }
    var failures = 0
    while true {
      var isBusy = false
      for slot in slots.indices {
        if slots[slot] == nil, let chunk = next(), var child = free.popLast() {
          guard child.start(words(of: chunk)) else {
            Console.error("no worker can be started")
            return failures + 1
          }
          slots[slot] = (child, chunk)
        }
        guard case (var child, let chunk)? = slots[slot] else { continue }
        isBusy = true
        let end = child.poll()
        slots[slot] = (child, chunk)
        guard let end else { continue }
        finish(child, chunk, end: end, &failures)
        slots[slot] = nil
        free.append(child)
      }
      if !isBusy { break }
      if stopsAtFailure, failures > 0 {
        for case (let child, _)? in slots { child.stop() }
        break
      }
      usleep(5000)
    }
    return failures
  }

  /// The formats' ranges, one of each in turn, so that time tells early which one is slow.
  private mutating func fill(_ counts: [(format: FuzzFormat, count: Int)]) {
    let rounds = counts.map { ($0.count + Self.chunkCount - 1) / Self.chunkCount }.max() ?? 0
    for round in 0..<rounds {
      for (format, count) in counts where round * Self.chunkCount < count {
        let numbers = round * Self.chunkCount..<min(count, (round + 1) * Self.chunkCount)
        queue.append(Chunk(format: format, numbers: numbers))
      }
    }
    queue.reverse()
    for (format, _) in counts { tallies[format.name] = Tally() }
  }

  private mutating func next() -> Chunk? {
    while let chunk = queue.popLast() {
      if tallies[chunk.format.name]?.failures ?? 0 < Self.mostFailures { return chunk }
    }
    return nil
  }

  private func words(of chunk: Chunk) -> [String] {
    let cases = seed.map { "\($0)" } ?? "sweep"
    return [chunk.format.name, cases, "\(chunk.numbers.lowerBound)", "\(chunk.numbers.upperBound)"]
  }

  /// Takes over what a worker did; what is left of its range goes back to the queue.
  private mutating func finish(
    _ child: Child, _ chunk: Chunk, end: Result<Void, Child.EndError>, _ failures: inout Int
  ) {
    var tally = tallies[chunk.format.name] ?? Tally()
    let current = child.page.current
    tally.cases += max(min(current, chunk.numbers.upperBound) - chunk.numbers.lowerBound, 0)
    tally.accepted += child.page.accepted
    tally.nanoseconds += child.page.nanoseconds > 0 ? child.page.nanoseconds : child.usedNanoseconds
    tally.peakKilobytes = max(tally.peakKilobytes, child.page.peakKilobytes)
    if case .failure(let error) = end {
      failures += 1
      tally.failures += 1
      let number = max(current, chunk.numbers.lowerBound)
      report(chunk.format, number, error.failure, because: child.reason)
      if number + 1 < chunk.numbers.upperBound {
        queue.append(Chunk(format: chunk.format, numbers: number + 1..<chunk.numbers.upperBound))
      }
    }
    tallies[chunk.format.name] = tally
  }

  /// Says what failed and keeps its file.
  private mutating func report(
    _ format: FuzzFormat, _ number: Int, _ failure: Child.Failure, because reason: String
  ) {
    if sources[format.name] == nil { sources[format.name] = FuzzSource(format) }
    guard let source = sources[format.name] else { return }
    let file = seed.map { source.makeCase(seed: $0, number: number) } ?? source.sweepCase(number)
    let path = folder + "/\(format.name)-\(seed.map { "\($0)" } ?? "sweep")-\(number)"
    mkdir(folder, 0o777)
    do { try AtomicFileWriter.write(file, to: path) } catch { Console.error("\(error)") }
    Console.error(
      "FAILED \(format.name) \(seed.map { "\($0)" } ?? "sweep"):\(number): \(failure): \(reason) (\(path), \(file.count) bytes)"
    )
  }

  // MARK: Table

  /// Cases, share accepted, cases a second of one processor, and the memory of each format.
  func table(_ formats: [FuzzFormat]) -> String {
    var lines = ["format          cases   accepted   cases/s   peak MB   failures"]
    var total = Tally()
    for format in formats {
      guard let tally = tallies[format.name] else { continue }
      lines.append(Self.line(format.name, tally))
      total.cases += tally.cases
      total.accepted += tally.accepted
      total.nanoseconds += tally.nanoseconds
      total.peakKilobytes = max(total.peakKilobytes, tally.peakKilobytes)
      total.failures += tally.failures
    }
    lines.append(Self.line("all", total))
    let seconds = Double(Child.now() - start) / 1e9
    lines.append(
      "\(total.cases) cases in \(Int(seconds.rounded())) s with \(jobs) jobs, seed \(seed.map { "\($0)" } ?? "none")"
    )
    return lines.joined(separator: "\n")
  }

  private static func line(_ name: String, _ tally: Tally) -> String {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(width - text.count, 1)) + text
    }
    let rate = tally.nanoseconds > 0 ? Double(tally.cases) * 1e9 / Double(tally.nanoseconds) : 0
    let share = tally.cases > 0 ? 1000 * tally.accepted / tally.cases : 0
    return name + right("\(tally.cases)", 21 - name.count) + right("\(share / 10).\(share % 10) %", 11)
      + right("\(Int(rate))", 10) + right("\(tally.peakKilobytes >> 10)", 10) + right("\(tally.failures)", 11)
  }
}
