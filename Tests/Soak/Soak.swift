import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime
import Synchronization
import TestSupport

/// Hours of what a server does, in one process: sessions of many models made, shared and freed, on one thread and on
/// more, in every batch size; pictures read, good and bad; models read, adapted and written. Every result must be
/// the bits of a first run, and memory must end where it was.
final class Soak: Sendable {
  /// What a run found.
  struct Verdict: Sendable {
    var runs = 0
    var pictures = 0
    var refusedPictures = 0
    var sessions = 0
    var adapted = 0
    /// Sentences on what was not as it must be, the first hundred.
    var faults: [String] = []
    /// Resident memory in bytes, once a second.
    var resident: [Int] = []
    /// Threads left when all sessions are gone, beyond those at the start.
    var threadsLeft = 0

    /// Growth of resident memory from the second to the last tenth, by their medians: in the first, caches fill.
    var growth: Int {
      let tenth = resident.count / 10
      guard tenth > 0 else { return 0 }
      return median(resident.suffix(tenth)) - median(resident[tenth..<2 * tenth])
    }

    private func median(_ values: ArraySlice<Int>) -> Int { values.sorted()[values.count / 2] }
  }

  /// Workers that share the sessions.
  private static let workerCount = 4
  /// Sessions that live at once.
  private static let sessionCount = 6
  /// Growth of memory that is not a leak: pages that the allocator has not given back.
  static let allowance = 16 << 20

  private let folder: TemporaryFolder
  private let models: [SoakModel]
  private let pictures: SoakPictures
  private let seed: UInt64
  private let state = Mutex(State())

  private struct State {
    var verdict = Verdict()
    var isOver = false
    /// Sessions that workers share.
    var sessions: [(model: Int, key: String, session: Session)] = []
    /// The first logits of a picture, by the model, what decides their bits, and the picture.
    var expected: [String: [UInt32]] = [:]
  }

  /// Makes the models in a folder of their own; `extra` are paths of further ones.
  init(seed: UInt64, extra: [String] = []) throws {
    self.seed = seed
    folder = try TemporaryFolder()
    models = try SoakModel.all(in: folder.path, extra: extra)
    pictures = try SoakPictures(seed: seed)
  }

  /// Works for `seconds`; `report` is given the verdict so far about every tenth of a minute.
  func run(seconds: Double, report: (Verdict, Double) -> Void) -> Verdict {
    let start = MonotonicClock.nanoseconds()
    let threads = MemoryUse.threads()
    let workers = (0..<Self.workerCount).compactMap { index in
      WorkerThread { [self] in work(SeededRandom(seed: seed &* 1000 &+ UInt64(index))) }
    }
    var reported = 0.0
    while true {
      let elapsed = Double(MonotonicClock.nanoseconds() - start) / 1e9
      guard elapsed < seconds, !workers.isEmpty else { break }
      MemoryUse.pause()
      state.withLock { $0.verdict.resident.append(MemoryUse.resident()) }
      if elapsed - reported >= 6 {
        reported = elapsed
        report(state.withLock { $0.verdict }, elapsed)
      }
    }
    state.withLock { $0.isOver = true }
    for worker in workers { worker.join() }
    // Sessions go outside of the lock, and their threads take a moment to end.
    let last = state.withLock { state in
      defer { state.sessions = [] }
      return state.sessions
    }
    withExtendedLifetime(last) {}
    MemoryUse.pause()
    return state.withLock { state in
      state.verdict.threadsLeft = MemoryUse.threads() - threads
      return state.verdict
    }
  }

  // MARK: Work

  private func work(_ seeded: SeededRandom) {
    var random = seeded
    while !state.withLock({ $0.isOver }) {
      do {
        switch random.nextInt(in: 0..<20) {
        case 0: try adapt(&random)
        case 1, 2: decodeBad(&random)
        case 3: try useOnce(&random)
        default: try useShared(&random)
        }
      } catch {
        fault("\(error)")
      }
    }
  }

  private func fault(_ text: String) {
    state.withLock { if $0.verdict.faults.count < 100 { $0.verdict.faults.append(text) } }
  }

  /// A session with options by chance, and what decides the bits of its results.
  private func makeSession(_ index: Int, _ random: inout SeededRandom) throws -> (key: String, Session) {
    let model = models[index]
    var options = SessionOptions(
      threads: random.nextInt(in: 1..<4), maximumBatch: random.nextInt(in: 1..<9),
      isExact: random.nextInt(in: 0..<2) == 0, packsAtOpen: random.nextInt(in: 0..<2) == 0)
    let sets = InstructionSet.available
    let set = sets[random.nextInt(in: 0..<sets.count)]
    options.instructionSet = set
    let session =
      random.nextInt(in: 0..<2) == 0
      ? try Session(contentsOf: model.path, options: options)
      : try Session(model: model.model, options: options)
    state.withLock { $0.verdict.sessions += 1 }
    return ("\(index) \(set) \(options.isExact)", session)
  }

  private func useOnce(_ random: inout SeededRandom) throws {
    let index = random.nextInt(in: 0..<models.count)
    let (key, session) = try makeSession(index, &random)
    try use(session, model: index, key: key, &random)
  }

  private func useShared(_ random: inout SeededRandom) throws {
    let choice = random.nextInt(in: 0..<Self.sessionCount)
    let replaces = random.nextInt(in: 0..<50) == 0
    if !replaces, let shared = state.withLock({ $0.sessions.count > choice ? $0.sessions[choice] : nil }) {
      return try use(shared.session, model: shared.model, key: shared.key, &random)
    }
    let index = random.nextInt(in: 0..<models.count)
    let (key, session) = try makeSession(index, &random)
    state.withLock { state in
      if state.sessions.count > choice {
        state.sessions[choice] = (index, key, session)
      } else {
        state.sessions.append((index, key, session))
      }
    }
    try use(session, model: index, key: key, &random)
  }

  /// Runs a batch of pictures and compares each one's logits with those of its first run.
  private func use(_ session: Session, model: Int, key: String, _ random: inout SeededRandom) throws {
    let batch = random.nextInt(in: 1..<10)
    let chosen = (0..<batch).map { _ in random.nextInt(in: 0..<pictures.good.count) }
    var input: [Float] = []
    for picture in chosen {
      input += try pictures.input(
        picture, models[model].preprocessor, decodes: random.nextInt(in: 0..<4) == 0)
    }
    let output = try session.run(input)
    let values = session.classCount > 0 ? output.logits : output.features
    let count = values.count / batch
    state.withLock { state in
      state.verdict.runs += 1
      state.verdict.pictures += batch
    }
    for (position, picture) in chosen.enumerated() {
      let bits = values[position * count..<(position + 1) * count].map(\.bitPattern)
      let name = "\(key) \(picture)"
      let expected = state.withLock { state in
        if state.expected[name] == nil { state.expected[name] = bits }
        return state.expected[name]
      }
      if expected != bits {
        fault("other bits: \(name), \(position) of \(batch), \(session.threadCount) threads")
      }
    }
  }

  /// A picture with wrong bytes is decoded or refused, the same each time.
  private func decodeBad(_ random: inout SeededRandom) {
    let index = random.nextInt(in: 0..<pictures.bad.count)
    let outcome = pictures.outcome(ofBad: index)
    state.withLock { state in
      if outcome == 0 { state.verdict.refusedPictures += 1 }
      let name = "bad \(index)"
      if state.expected[name] == nil { state.expected[name] = [outcome] }
      if state.expected[name] != [outcome], state.verdict.faults.count < 100 {
        state.verdict.faults.append("the damaged picture \(index) was read in two ways")
      }
    }
  }

  /// A model is read, adapted to another size, written and read again.
  private func adapt(_ random: inout SeededRandom) throws {
    let model = models[random.nextInt(in: 0..<models.count)]
    let side = model.side + random.nextInt(in: 0..<3) * 16
    let adapted = try Adapt.run(try ModelFile.open(model.path), to: Extent(square: side)).model
    let path = "\(folder.path)/adapted-\(random.next()).bin"
    try ModelFile.write(adapted, to: path)
    let read = try ModelFile.open(path)
    MemoryUse.remove(path)
    if read.graph != adapted.graph { fault("another graph came back from \(model.path)") }
    state.withLock { $0.verdict.adapted += 1 }
  }
}
