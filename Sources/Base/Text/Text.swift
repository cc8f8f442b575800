/// Figures and words as people read them.
package enum Text {
  /// `value` with `decimals` digits after the point, rounded half away from zero.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 0x1p53 else { return value.description }
    let digits = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + padded }
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// Three significant digits, in exponent form where the value is tiny or huge.
  package static func significant(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : fixed(value, 0) }
    var exponent = 0
    var rest = value.magnitude
    while rest >= 9.995, exponent < 400 { (rest, exponent) = (rest / 10, exponent + 1) }
    while rest < 0.9995, exponent > -400 { (rest, exponent) = (rest * 10, exponent - 1) }
    if exponent >= -3, exponent < 6 { return fixed(value, max(0, 2 - exponent)) }
    return (value < 0 ? "-" : "") + fixed(rest, 2) + "e" + String(exponent)
  }

  /// As short as possible, without a fraction where there is none.
  package static func plain(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : value.description
  }

  /// With commas between the thousands.
  package static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return (value < 0 ? "-" : "") + result
  }

  /// `11.2 M`, `4.09 G`: three significant digits and the SI prefix.
  package static func scaled(_ value: Double) -> String {
    for (limit, prefix) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
    where value.magnitude >= limit * 0.9995 {
      return significant(value / limit) + " " + prefix
    }
    return significant(value)
  }

  /// `97.8 MB`, in powers of ten.
  package static func bytes(_ count: Int) -> String {
    count < 1000 ? "\(count) B" : scaled(Double(count)) + "B"
  }

  /// `0:07`, `12:34`, `1:02:03`.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "-:--" }
    let total = Int(max(0, seconds).rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
  }

  /// `1 picture`, `2 pictures`.
  package static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    grouped(number) + " " + (number == 1 ? one : many ?? one + "s")
  }

  /// `text` without blanks at both ends.
  package static func trimmed(_ text: String) -> String {
    var part = text[...]
    while let first = part.first, first.isWhitespace { part.removeFirst() }
    while let last = part.last, last.isWhitespace { part.removeLast() }
    return String(part)
  }

  /// `words` in lines of at most `width` columns.
  package static func wrapped(_ words: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in words.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  /// `text`, cut in the middle where it is longer than `limit` bytes.
  package static func shortened(_ text: String, limit: Int = 120) -> String { cut(text, limit: limit) }

  /// The first of `names`, and how many more there are; `none` where there is none.
  package static func listed(_ names: [String], or none: String) -> String {
    guard !names.isEmpty else { return none }
    let shown = names.prefix(8).map { shortened($0, limit: 40) }.joined(separator: ", ")
    return names.count > 8 ? shown + " and \(names.count - 8) more" : shown
  }
}
