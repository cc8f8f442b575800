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

  /// Best fit, largest first: a buffer goes into the smallest gap that holds it between those placed
  /// before it and alive at the same time, else behind them (Pisarchyk and Lee 2020, greedy by size).
  ///
  /// Every offset and size may be multiplied by a batch without making two live buffers meet.
  package static func place(_ requests: [Request]) -> Placement {
    WorkTally.record(.memoryPlan)
    let sizes = requests.map { ($0.byteCount + 63) & ~63 }
    let order = requests.indices.sorted {
      sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1
    }
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []
    var total = 0
    for index in order {
      let request = requests[index]
      let neighbours = placed.filter {
        requests[$0].first <= request.last && request.first <= requests[$0].last
      }
      .sorted { (offsets[$0], $0) < (offsets[$1], $1) }
      var end = 0
      var best: (offset: Int, gap: Int)?
      for neighbour in neighbours {
        let gap = offsets[neighbour] - end
        if gap >= sizes[index], gap < best?.gap ?? .max { best = (end, gap) }
        end = max(end, offsets[neighbour] + sizes[neighbour])
      }
      offsets[index] = best?.offset ?? end
      total = max(total, offsets[index] + sizes[index])
      placed.append(index)
    }
    return Placement(offsets: offsets, byteCount: total)
  }
}
