import FixresIR

/// Numbers that no trained network has.
enum WeightCheck {
  /// A variance this small makes its channel 10^5 times larger than the convolution's output, at epsilon 1e-5 a
  /// third of that: the channel was dead in training.
  private static let tinyVariance: Float = 1e-10

  static func check(
    _ data: Tensor, name: String, canonical: String, epsilon: Double, _ warnings: inout [String]
  ) throws(ArchitectureError) {
    if let index = firstNonFinite(data) {
      let value = data.floats[index]
      throw .notFinite(name: name, index: index, value: value.isNaN ? "NaN" : value > 0 ? "Inf" : "-Inf")
    }
    if canonical.hasSuffix(".running_var") {
      let values = data.floats
      if let index = values.firstIndex(where: { Double($0) + epsilon <= 0 || $0 < -1e-6 }) {
        throw .negativeVariance(name: name, index: index, value: values[index])
      }
      let negative = values.count { $0 < 0 }
      if negative > 0 { warnings.append("\(name): \(negative) variances are just below 0") }
      let tiny = values.count { $0 >= 0 && $0 < tinyVariance }
      if tiny > 0 { warnings.append("\(name): \(tiny) of \(values.count) variances are below 1e-10") }
    } else if data.shape.count == 1, canonical.hasSuffix(".weight") {
      let values = data.floats
      let dead = values.count { $0 == 0 }
      if dead > 0 { warnings.append("\(name): \(dead) of \(values.count) scales are 0") }
    }
  }

  /// At most three sentences and the number of the others.
  static func summary(_ warnings: [String]) -> [String] {
    guard warnings.count > 4 else { return warnings }
    return Array(warnings.prefix(3)) + [
      "\(warnings.count - 3) more tensors hold zero scales or tiny variances"
    ]
  }

  /// Index of the first NaN or infinity.
  static func firstNonFinite(_ data: Tensor) -> Int? {
    let blockSize = 8192
    return data.bytes.withUnsafeBytes { raw -> Int? in
      let words = raw.assumingMemoryBound(to: UInt32.self)
      var start = 0
      while start < words.count {
        let end = min(start + blockSize, words.count)
        // An exponent of all ones carries into the sign bit.
        var carry: UInt32 = 0
        for index in start..<end { carry |= (words[index] & 0x7F80_0000) &+ 0x0080_0000 }
        if carry & 0x8000_0000 != 0 {
          return (start..<end).first { words[$0] & 0x7F80_0000 == 0x7F80_0000 }
        }
        start = end
      }
      return nil
    }
  }
}
