import FixresBase
import FixresRuntime
import Testing

@Suite struct MemoryPlannerTests {
  /// Every buffer lies in the arena, aligned, and apart from all that live at the same time.
  static func expectApart(
    _ placement: MemoryPlanner.Placement, _ requests: [MemoryPlanner.Request], _ what: String
  ) {
    for (i, a) in requests.enumerated() {
      #expect(placement.offsets[i] % 64 == 0, "\(what)")
      #expect(placement.offsets[i] + a.byteCount <= placement.byteCount, "\(what)")
      for (j, b) in requests.enumerated() where i < j && a.first <= b.last && b.first <= a.last {
        let apart =
          placement.offsets[i] + a.byteCount <= placement.offsets[j]
          || placement.offsets[j] + b.byteCount <= placement.offsets[i]
        #expect(apart, "\(what): buffers \(i) and \(j) meet")
      }
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func liveBuffersNeverMeet(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let requests = (0..<random.nextInt(in: 1..<60)).map { _ in
      let first = random.nextInt(in: 0..<40)
      return MemoryPlanner.Request(
        byteCount: random.nextInt(in: 1..<5000), first: first, last: first + random.nextInt(in: 0..<12))
    }
    let placement = MemoryPlanner.place(requests)
    Self.expectApart(placement, requests, "seed \(seed)")
    let live = (0..<60).map { step in
      requests.filter { $0.first <= step && step <= $0.last }.reduce(0) { $0 + ($1.byteCount + 63) & ~63 }
    }
    #expect(placement.byteCount >= live.max() ?? 0)
    #expect(placement.byteCount <= requests.reduce(0) { $0 + ($1.byteCount + 63) & ~63 })
  }

  @Test func buffersOfAChainShareTwoPlaces() {
    let requests = (0..<10).map { MemoryPlanner.Request(byteCount: 640, first: $0, last: $0 + 1) }
    #expect(MemoryPlanner.place(requests).byteCount == 1280)
  }

  @Test func aSmallBufferTakesTheSmallestGap() {
    let requests = [
      MemoryPlanner.Request(byteCount: 1024, first: 0, last: 1),
      MemoryPlanner.Request(byteCount: 512, first: 0, last: 9),
      MemoryPlanner.Request(byteCount: 256, first: 0, last: 1),
      MemoryPlanner.Request(byteCount: 192, first: 0, last: 9),
      MemoryPlanner.Request(byteCount: 128, first: 2, last: 9),
    ]
    let placement = MemoryPlanner.place(requests)
    #expect(placement.byteCount == 1024 + 512 + 256 + 192)
    #expect(placement.offsets[4] == 1024 + 512)
  }
}
