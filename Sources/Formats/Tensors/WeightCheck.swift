import FixresBase
import FixresIR

/// Checks the numbers of a weight: NaN, infinities, negative variances; zero scales and tiny variances are
/// noted.
enum WeightCheck {
  /// Running variances below this are noted: the channel was constant (dead) in training.
  ///
  /// Without epsilon the batch norm would scale such a channel by more than 10^5.
  private static let tinyVariance: Float = 1e-10

  /// Checks `data`, which the file calls `name` and torchvision `canonical`.
  ///
  /// - Throws: `ArchitectureError.notFinite` or `.negativeVariance`.
  static func check(
    _ data: Tensor, name: String, canonical: String, epsilon: Double, _ warnings: inout [String]
  ) throws(ArchitectureError) {
    if let index = firstNonFinite(data) {
      let value = data.withFloats { $0[index] }
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

  /// `warnings`, or the first three and the number of the others.
  static func summary(_ warnings: [String]) -> [String] {
    guard warnings.count > 4 else { return warnings }
    return Array(warnings.prefix(3)) + [
      "\(warnings.count - 3) more tensors hold zero scales or tiny variances"
    ]
  }

  /// Row-major index of the first NaN or infinity; nil where all are finite.
  static func firstNonFinite(_ data: Tensor) -> Int? {
    data.bytes.withUnsafeBytes { $0.assumingMemoryBound(to: Float.self).firstNonFinite }
  }
}
