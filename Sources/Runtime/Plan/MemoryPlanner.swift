import FixresBase

extension WorkTally.Kind {
  /// Buffers were placed in an arena.
  package static let memoryPlan = Self("memory plan")
}

/// Places buffers in one arena by their live ranges.
package enum MemoryPlanner {
  /// A buffer that lives from step `first` to step `last`, both included.
  package struct Request: Hashable, Sendable {
    package var byteCount: Int
    package var first, last: Int

    package init(byteCount: Int, first: Int, last: Int) {
      (self.byteCount, self.first, self.last) = (byteCount, first, last)
    }
  }

  /// Offsets by request, multiples of 64, and the bytes of the whole arena.
  package struct Placement: Hashable, Sendable {
    package var offsets: [Int]
    package var byteCount: Int
  }

  /// Pairs of buffers that are compared at most: a network of 2,000 layers has no more even where all its values are kept.
  /// The time would otherwise grow with the square of a graph's nodes.
  package static let mostPairs = 1 << 21

  /// Best fit, largest first: a buffer goes into the smallest gap that holds it between those placed
  /// before it and alive at the same time, else behind them (Pisarchyk and Lee 2020, greedy by size). More than
  /// `mostPairs` pairs are placed in order of time instead, each into a place of its size that has become free.
  ///
  /// Every offset and size may be multiplied by a batch without making two live buffers meet. Sizes that sum up beyond
  /// `Int` give an arena of `Int.max` bytes, which no machine has.
  package static func place(_ requests: [Request], mostPairs: Int = mostPairs) -> Placement {
    WorkTally.record(.memoryPlan)
    var sum = 0
    for request in requests { sum = sum.addingSaturated(request.byteCount).addingSaturated(63) }
    guard sum < .max else {
      return Placement(offsets: [Int](repeating: 0, count: requests.count), byteCount: .max)
    }
    let sizes = requests.map { ($0.byteCount + 63) & ~63 }
    return placeLargestFirst(requests, sizes, mostPairs) ?? placeInOrderOfTime(requests, sizes)
  }

  /// Nil where more than `mostPairs` pairs would be compared.
  private static func placeLargestFirst(
    _ requests: [Request], _ sizes: [Int], _ mostPairs: Int
  ) -> Placement? {
    let order = requests.indices.sorted {
      sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1
    }
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed = LiveRanges(requests)
    var total = 0
    var work = mostPairs
    for index in order {
      guard var neighbours = placed.overlapping(requests[index], within: &work) else { return nil }
      neighbours.sort { (offsets[$0], $0) < (offsets[$1], $1) }
      var end = 0
      var best: (offset: Int, gap: Int)?
      for neighbour in neighbours {
        let gap = offsets[neighbour] - end
        if gap >= sizes[index], gap < best?.gap ?? .max { best = (end, gap) }
        end = max(end, offsets[neighbour] + sizes[neighbour])
      }
      offsets[index] = best?.offset ?? end
      total = max(total, offsets[index] + sizes[index])
      placed.insert(index)
    }
    return Placement(offsets: offsets, byteCount: total)
  }

  /// Each buffer takes the place of one of its very size that is no longer alive, else a new one.
  private static func placeInOrderOfTime(_ requests: [Request], _ sizes: [Int]) -> Placement {
    let byStart = requests.indices.sorted { (requests[$0].first, $0) < (requests[$1].first, $1) }
    let byEnd = requests.indices.sorted { (requests[$0].last, $0) < (requests[$1].last, $1) }
    var offsets = [Int](repeating: 0, count: requests.count)
    var free: [Int: [Int]] = [:]
    var total = 0
    var ended = 0
    for index in byStart {
      // One that has ended before this one starts has started before, and so has a place.
      while ended < byEnd.count, requests[byEnd[ended]].last < requests[index].first {
        free[sizes[byEnd[ended]], default: []].append(offsets[byEnd[ended]])
        ended += 1
      }
      if let offset = free[sizes[index]]?.popLast() {
        offsets[index] = offset
      } else {
        offsets[index] = total
        total += sizes[index]
      }
    }
    return Placement(offsets: offsets, byteCount: total)
  }
}

/// Live ranges by time: those that overlap a range are found in a time that grows with their number.
private struct LiveRanges {
  private let requests: [MemoryPlanner.Request]
  private let firstStep: Int
  private let leafCount: Int
  /// A segment tree over the steps: each range is kept at the few nodes whose steps make it up.
  private var nodes: [[Int]]
  /// Ranges by the step at which they start.
  private var starts: [[Int]]

  /// No range yet of `requests`.
  init(_ requests: [MemoryPlanner.Request]) {
    self.requests = requests
    firstStep = requests.reduce(.max) { min($0, $1.first) }
    let steps = requests.isEmpty ? 1 : requests.reduce(.min) { max($0, $1.last, $1.first) } - firstStep + 1
    var leaves = 1
    while leaves < steps { leaves *= 2 }
    leafCount = leaves
    nodes = [[Int]](repeating: [], count: 2 * leaves)
    starts = [[Int]](repeating: [], count: leaves)
  }

  mutating func insert(_ index: Int) {
    let first = requests[index].first - firstStep
    starts[first].append(index)
    var (low, high) = (first + leafCount, max(requests[index].last - firstStep, first) + leafCount + 1)
    while low < high {
      if low & 1 == 1 {
        nodes[low].append(index)
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        nodes[high].append(index)
      }
      (low, high) = (low / 2, high / 2)
    }
  }

  /// The ranges that overlap that of `request`, in no order; nil where there are more than `work`, of which each takes one,
  /// and eight steps of the request's own range take one too.
  func overlapping(_ request: MemoryPlanner.Request, within work: inout Int) -> [Int]? {
    let (first, last) = (request.first - firstStep, max(request.last, request.first) - firstStep)
    var found: [Int] = []
    // Those alive at the first step, then those that start later.
    var node = first + leafCount
    work -= (last - first) / 8
    while node > 0, found.count <= work {
      found += nodes[node]
      node /= 2
    }
    var step = first + 1
    while step <= last, found.count <= work {
      found += starts[step]
      step += 1
    }
    work -= found.count
    return work >= 0 ? found : nil
  }
}
