import FixresBase
import FixresRuntime
import Testing

@Suite struct ThreadPoolTests {
  /// Adds 1 to each of the floats that `arguments` points to.
  private static let increment: StepFunction = { arguments, _, begin, end, _ in
    let floats = UnsafeMutablePointer(mutating: arguments.assumingMemoryBound(to: Float.self))
    for index in begin..<end { floats[index] += 1 }
  }

  @Test(arguments: [1, 2, 3, 7])
  func everyItemRunsOnceAtEachStep(threads: Int) {
    let pool = ThreadPool(threads: threads)
    #expect(pool.threadCount == threads)
    for count in [0, 1, 2, 5, 64, 1000] {
      let block = AlignedBlock(floatCount: 1001)
      for _ in 0..<200 { pool.run(Self.increment, block.base, block.base, count: count) }
      #expect((0..<count).allSatisfy { block.floats[$0] == 200 })
      #expect((count..<1001).allSatisfy { block.floats[$0] == 0 })
    }
  }

  /// A pool that its threads kept would never end them: a server's sessions would add up.
  @Test func poolsGoWithTheirLastReference() {
    weak var kept: ThreadPool?
    for _ in 0..<4 {
      let pool = ThreadPool(threads: 3)
      let block = AlignedBlock(floatCount: 8)
      pool.run(Self.increment, block.base, block.base, count: 8)
      kept = pool
    }
    #expect(kept == nil)
  }

  @Test func workersWakeAfterTheySlept() {
    let pool = ThreadPool(threads: 2)
    let block = AlignedBlock(floatCount: 8)
    for _ in 0..<5 {
      pool.run(Self.increment, block.base, block.base, count: 8)
      let start = MonotonicClock.nanoseconds()
      while MonotonicClock.nanoseconds() - start < 2_000_000 {}
    }
    #expect((0..<8).allSatisfy { block.floats[$0] == 5 })
  }

  @Test(
    .enabled(if: ProcessorAllowance.current().count > 1, "one CPU has no room to move"),
    .enabled(if: ProcessorPlacement(threads: 2) != nil, "this system does not say where a thread runs"))
  func aWorkerLeavesTheProcessorOfAnEarlierThread() throws {
    let placement = try #require(ProcessorPlacement(threads: 2))
    let before = ProcessorAllowance.current()
    var (never, nextTry) = (UInt64(0), UInt64(0))
    // One thread plays both: the second finds itself where the first was seen, unless the system has just moved it.
    placement.settle(0, &never)
    placement.settle(1, &nextTry)
    #expect(placement.place(of: 0) >= 0)
    #expect(placement.place(of: 1) >= 0)
    #expect(placement.place(of: 0) != placement.place(of: 1))
    // It has moved, and is pinned nowhere.
    #expect(ProcessorAllowance.current() == before)
  }

  @Test("row 20: pools come and go") func poolsComeAndGo() {
    for _ in 0..<50 {
      let pool = ThreadPool(threads: 4)
      #expect(pool.threadCount == 4)
    }
  }
}
