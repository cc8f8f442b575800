import FixresBase

/// Reads a text file of class names: UTF-8, one a line, in the order of the logits.
package enum LabelFile {
  /// Bytes of a file of labels or classes at most.
  package static let byteLimit = 1 << 24

  /// The labels in the file at `path`, and their synsets where every line begins with one (`n01440764
  /// tench`).
  ///
  /// - Throws: `FormatError.file`, or `.architecture` with the reason that `parse` throws.
  package static func read(
    _ path: String, classes: Int
  ) throws(FormatError) -> (labels: [String], synsets: [String]) {
    let bytes: Bytes
    do { bytes = try FileContents.read(path, limit: FileContents.textLimit) } catch { throw .file(error) }
    do {
      return try parse(bytes, path: path, classes: classes)
    } catch {
      throw .architecture(path: path, error)
    }
  }

  /// The labels in `bytes`; `path` names the file in errors.
  ///
  /// - Throws: `ArchitectureError.invalidConfiguration` for text that is not UTF-8, `.labelCount` unless
  ///   there are `classes` lines.
  package static func parse(
    _ bytes: Bytes, path: String, classes: Int
  ) throws(ArchitectureError) -> (labels: [String], synsets: [String]) {
    guard bytes.count <= byteLimit else {
      throw .invalidConfiguration(
        path: path, key: "labels", expected: "at most \(byteLimit) bytes", found: "\(bytes.count)")
    }
    var lines: [String] = []
    let text = bytes.array
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let trimmed = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      guard let label = String(validating: trimmed, as: UTF8.self), !label.utf8.contains(0) else {
        throw .invalidConfiguration(
          path: path, key: "line \(lines.count + 1)", expected: "UTF-8 text", found: "other bytes")
      }
      lines.append(label)
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    if let first = lines.first, first.hasPrefix("\u{FEFF}") { lines[0] = String(first.dropFirst()) }
    guard lines.count == classes else {
      throw .labelCount(path: path, expected: classes, found: lines.count)
    }
    return separateSynsets(lines)
  }

  private static func separateSynsets(_ lines: [String]) -> (labels: [String], synsets: [String]) {
    let words = lines.map { $0.split(separator: " ", maxSplits: 1) }
    guard words.allSatisfy({ $0.first.map { isSynset(String($0)) } ?? false }) else { return (lines, []) }
    let synsets = words.map { String($0[0]) }
    return (words.map { $0.count > 1 ? String($0[1]) : String($0[0]) }, synsets)
  }

  /// True for the identifier of a WordNet noun: `n` and eight digits.
  package static func isSynset(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 9 && bytes[0] == UInt8(ascii: "n")
      && bytes.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
