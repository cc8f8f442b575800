#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The values of a sample in ascending order: its empirical distribution function.
package final class SortedValues: @unchecked Sendable {
  // Sendable because the values are never written once `init` has returned.
  private let storage: UnsafeMutableBufferPointer<Float>
  /// Number of NaNs, which are left out.
  package let notNumberCount: Int

  /// Sorts a copy of `values`; every `stride`-th is taken. O(n).
  package init(_ values: UnsafeBufferPointer<Float>, stride: Int = 1) {
    precondition(stride > 0, "a sample needs a stride of 1 or more")
    let capacity = (values.count + stride - 1) / stride
    storage = .allocate(capacity: max(capacity, 1))
    var count = 0
    var index = 0
    while index < values.count {
      let value = values[index]
      if value == value {
        // Adding zero turns -0 into 0, so that equal values have equal bits.
        storage.baseAddress?.advanced(by: count).initialize(to: value + 0)
        count += 1
      }
      index += stride
    }
    notNumberCount = capacity - count
    self.count = count
    RadixSort.sort(UnsafeMutableBufferPointer(rebasing: storage[..<count]))
  }

  deinit { storage.deallocate() }

  /// Number of values.
  package let count: Int

  /// The values, ascending.
  package var values: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: storage.baseAddress, count: count)
  }

  /// The greatest value; 0 where there is none.
  package var maximum: Float { count > 0 ? storage[count - 1] : 0 }

  /// Share of the values that are at most `x`.
  package func distribution(_ x: Double) -> Double {
    guard count > 0 else { return 0 }
    return Double(values.partitioningIndex { Double($0) > x }) / Double(count)
  }

  /// Share of the values above zero that are at most `x`.
  package func distributionAboveZero(_ x: Double) -> Double {
    let zeros = distribution(0)
    return zeros < 1 ? max(0, (distribution(x) - zeros) / (1 - zeros)) : 1
  }

  /// The quantile of the share `p`, interpolated between neighbours as numpy does by default.
  package func quantile(_ p: Double) -> Double {
    guard count > 0 else { return 0 }
    let position = min(max(p, 0), 1) * Double(count - 1)
    let below = Int(position)
    let above = min(below + 1, count - 1)
    let (low, high) = (Double(storage[below]), Double(storage[above]))
    return low + (high - low) * (position - Double(below))
  }

  /// The distances to `other`, exact for the two samples. O(n + m).
  package func distance(to other: SortedValues) -> DistributionDistance {
    Self.distance(values, other.values)
  }

  /// The distances between the values above zero of this and of `other`.
  package func distanceAboveZero(to other: SortedValues) -> DistributionDistance {
    Self.distance(valuesAboveZero, other.valuesAboveZero)
  }

  private var valuesAboveZero: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: values[values.partitioningIndex { $0 > 0 }...])
  }

  private static func distance(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>
  ) -> DistributionDistance {
    guard !a.isEmpty, !b.isEmpty else { return .zero }
    let (scaleA, scaleB) = (1 / Double(a.count), 1 / Double(b.count))
    var (i, j) = (0, 0)
    var (ks, w1) = (0.0, 0.0)
    var previous = Double(min(a[0], b[0]))
    while i < a.count || j < b.count {
      let next = i == a.count ? b[j] : j == b.count ? a[i] : min(a[i], b[j])
      let gap = abs(Double(i) * scaleA - Double(j) * scaleB)
      w1 += gap * (Double(next) - previous)
      ks = max(ks, gap)
      while i < a.count, a[i] == next { i += 1 }
      while j < b.count, b[j] == next { j += 1 }
      previous = Double(next)
    }
    return DistributionDistance(ks: ks, w1: w1)
  }
}

/// Sorting of floats by their bits, least significant digits first.
enum RadixSort {
  private static let digitBits = 11

  static func sort(_ values: UnsafeMutableBufferPointer<Float>) {
    guard values.count > 1, let base = values.baseAddress else { return }
    let count = values.count
    let keys = UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt32.self)
    let spare = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
    defer { spare.deallocate() }
    for index in 0..<count { keys[index] = ordered(keys[index]) }
    var (source, target) = (keys, spare)
    for pass in 0..<3 {
      scatter(source, target, count, shift: UInt32(pass * digitBits))
      swap(&source, &target)
    }
    // After three passes the result is in the spare block.
    for index in 0..<count { keys[index] = restored(source[index]) }
  }

  private static func scatter(
    _ source: UnsafeMutablePointer<UInt32>, _ target: UnsafeMutablePointer<UInt32>, _ count: Int,
    shift: UInt32
  ) {
    let buckets = 1 << digitBits
    let mask = UInt32(buckets - 1)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: buckets) { offsets in
      offsets.initialize(repeating: 0)
      for index in 0..<count { offsets[Int(source[index] >> shift & mask)] &+= 1 }
      var sum = 0
      for bucket in 0..<buckets {
        let size = offsets[bucket]
        offsets[bucket] = sum
        sum &+= size
      }
      for index in 0..<count {
        let key = source[index]
        let bucket = Int(key >> shift & mask)
        target[offsets[bucket]] = key
        offsets[bucket] &+= 1
      }
    }
  }

  /// Bits whose unsigned order is the order of the floats.
  private static func ordered(_ bits: UInt32) -> UInt32 {
    bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
  }

  private static func restored(_ key: UInt32) -> UInt32 {
    key & 0x8000_0000 != 0 ? key & 0x7FFF_FFFF : ~key
  }
}
