/// Figures as reports write them.
enum Figures {
  /// `value` with `decimals` digits after the point.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 0x1p53 else { return "\(value)" }
    let digits = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// Without zeros at the end.
  static func short(_ value: Double, _ decimals: Int) -> String {
    var text = fixed(value, decimals)
    guard text.contains(".") else { return text }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  static func percent(_ share: Double, _ decimals: Int = 2) -> String { fixed(100 * share, decimals) + " %" }

  /// A probability: small ones as a power of ten.
  static func probability(_ p: Double) -> String {
    if p >= 0.0995 { return fixed(p, 2) }
    if p >= 0.00995 { return fixed(p, 3) }
    guard p > 0 else { return "0" }
    var (rest, exponent) = (p, 0)
    while rest < 0.9995, exponent < 400 { (rest, exponent) = (rest * 10, exponent + 1) }
    return exponent <= 3 ? fixed(p, 4) : fixed(rest, 1) + "e-\(exponent)"
  }

  static func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (value < 0 ? "-" : "") + String(digits)
  }

  /// `text` as characters of a page: nothing in it is markup, and control characters are dropped.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result += " "
      default:
        if scalar.value >= 0x20, !(0x7F...0x9F).contains(scalar.value) {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }
}
