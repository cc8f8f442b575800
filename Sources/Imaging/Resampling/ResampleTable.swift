import FixresIR

/// The windows of input samples and their weights for the output samples of one axis, as Pillow computes them
/// (`Resample.c`, `precompute_coeffs`).
///
/// ```
/// scale = in / out      f = max(scale, 1)      support = filter's support * f
/// centre(x) = (x + 0.5) scale
/// first(x)  = max(0, trunc(centre - support + 0.5))      end(x) = min(in, trunc(centre + support + 0.5))
/// w[x][i]   = filter((first + i - centre + 0.5) / f)     in double, divided by the window's sum,
///                                                        rounded half away from zero to 22 fraction bits
/// ```
struct ResampleTable {
  /// Fraction bits of a weight.
  static let precisionBits = 22
  /// Bits of the low part of a weight; both parts fit 16 bits.
  static let lowBits = 12
  /// Largest number of weights in a table.
  static let maximumEntries = 1 << 28

  let outputCount: Int
  /// First input sample of each window.
  let starts: [Int]
  /// Weights stored for each window: an even count, filled up with zeros.
  let tapsPerOutput: Int
  /// Pairs of taps in each window.
  let pairCounts: [Int]
  /// `[outputCount, tapsPerOutput]`: the low bits of each weight.
  let lowWeights: [Int16]
  /// `[outputCount, tapsPerOutput]`: the high bits of each weight.
  let highWeights: [Int16]

  /// Input samples that the windows cover.
  let inputRange: Range<Int>

  /// The windows of the output samples `window` of an axis resized from `inputSize` to `outputSize` samples.
  init(
    inputSize: Int, outputSize: Int, window: Range<Int>, interpolation: Preprocessing.Interpolation
  ) throws(ImageError) {
    // Pillow keeps the box in single precision.
    let scale = Double(Float(inputSize)) / Double(outputSize)
    let filterScale = max(scale, 1)
    let support = interpolation.support * filterScale
    let inverse = 1 / filterScale
    outputCount = window.count
    let taps = min((Int(support.rounded(.up)) * 2 + 1), inputSize + 1)
    tapsPerOutput = (taps + 1) & ~1
    guard let entries = Int.byteCount(window.count, tapsPerOutput), entries <= Self.maximumEntries else {
      throw .outOfMemory(byteCount: Int.byteCount(window.count, tapsPerOutput, 4) ?? .max)
    }
    var starts = [Int](repeating: 0, count: window.count)
    var pairCounts = starts
    var low = [Int16](repeating: 0, count: entries)
    var high = low
    var lowest = inputSize
    var highest = 0
    var weights: [Double] = []
    for (row, output) in window.enumerated() {
      let centre = (Double(output) + 0.5) * scale
      let first = max(Int(centre - support + 0.5), 0)
      let end = min(Int(centre + support + 0.5), inputSize)
      weights.removeAll(keepingCapacity: true)
      var sum = 0.0
      for input in first..<max(end, first) {
        let weight = interpolation.weight(at: (Double(input) - centre + 0.5) * inverse)
        weights.append(weight)
        sum += weight
      }
      for (tap, weight) in weights.enumerated() {
        let share = (sum == 0 ? weight : weight / sum) * Double(1 << Self.precisionBits)
        let fixed = Int32(min(max(share < 0 ? share - 0.5 : share + 0.5, -0x1p30), 0x1p30))
        low[row * tapsPerOutput + tap] = Int16(fixed & (1 << Self.lowBits - 1))
        high[row * tapsPerOutput + tap] = Int16(truncatingIfNeeded: fixed >> Self.lowBits)
      }
      starts[row] = first
      pairCounts[row] = (weights.count + 1) / 2
      lowest = min(lowest, first)
      highest = max(highest, end)
    }
    self.starts = starts
    self.pairCounts = pairCounts
    lowWeights = low
    highWeights = high
    inputRange = min(lowest, highest)..<highest
  }
}
