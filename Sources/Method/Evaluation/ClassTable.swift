import FixresBase
import FixresFormats
import FixresIR

/// A file that says which class folders are which of a model's classes.
///
/// JSON: `{"0": ["n01440764", "tench"], ...}` or `{"0": "tench", ...}`, index to names, also below `id2label`;
/// `{"tench": 0, ...}`, folder to index; `["tench", ...]`, the names of all classes in the order of the logits.
///
/// Text: `FOLDER INDEX` or `INDEX FOLDER` on each line; `FOLDER LABEL` with one of the model's labels or WordNet
/// identifiers; or a name on each line for all classes in the order of the logits, a WordNet identifier before it or
/// not. Parts are separated by a tab, a comma or blanks. Of several ways to read a file the one that names all
/// folders counts; two that differ are an error.
public struct ClassTable: Sendable {
  /// The file's path.
  public let path: String
  private let json: JSON?
  private let lines: [String]

  /// Reads the file at `path`.
  ///
  /// - Throws: `MethodError.file` where it cannot be read, `evaluation` where it is no text.
  public init(path: String) throws(MethodError) {
    let bytes: Bytes
    do { bytes = try FileContents.read(path, limit: FileContents.textLimit) } catch {
      throw .file(error)
    }
    self.path = path
    guard bytes.count <= LabelFile.byteLimit else { throw .evaluation(.table(path: path, .notText)) }
    json = try? JSON.parse(bytes)
    guard json == nil else {
      lines = []
      return
    }
    // Names of folders need not be UTF-8; the file holds their bytes.
    let text = FileName.text(of: bytes.array)
    guard !text.utf8.contains(0) else { throw .evaluation(.table(path: path, .notText)) }
    let start = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    lines = start.split(whereSeparator: \.isNewline).map { Self.trimmed($0) }.filter { !$0.isEmpty }
  }

  /// The class of each of `folders`.
  ///
  /// - Throws: `EvaluationError.table` where the file does not say it of each.
  func classes(
    of folders: [String], _ metadata: ModelMetadata, classCount: Int
  ) throws(EvaluationError) -> [Int] {
    let ways = try readings(metadata, classCount)
    var missing: [String]?
    var found: [Int]?
    for names in ways {
      let unknown = folders.filter { names.index(of: $0) == nil }
      guard unknown.isEmpty else {
        if unknown.count < missing?.count ?? .max { missing = unknown }
        continue
      }
      let classes = folders.compactMap(names.index)
      if let found, let place = found.indices.first(where: { found[$0] != classes[$0] }) {
        throw .table(
          path: path, .ambiguous(folder: folders[place], first: found[place], second: classes[place]))
      }
      found = classes
    }
    guard let found else {
      throw .table(
        path: path,
        missing.map { .missing($0) }
          ?? .noPairs(entries: json?.arrayValue?.count ?? lines.count, classes: classCount))
    }
    return found
  }

  /// The ways in which the file can be read.
  private func readings(_ metadata: ModelMetadata, _ count: Int) throws(EvaluationError) -> [ClassNames] {
    guard let json else {
      let known = (ClassNames(metadata.labels), ClassNames(metadata.synsets))
      return [
        pairs(count) { known.0.index(of: $0) ?? known.1.index(of: $0) }, numbered(count, isFirst: false),
        numbered(count, isFirst: true), inOrder(lines.map(Self.names), count),
      ].compactMap(\.self)
    }
    if let elements = json.arrayValue {
      let names = elements.map { Self.names($0) }
      guard names.allSatisfy({ $0 != nil }) else { throw .table(path: path, .otherJSON) }
      return [inOrder(names.compactMap(\.self), count)].compactMap(\.self)
    }
    guard let object = (json["id2label"] ?? json).objectValue, let names = Self.read(object, count) else {
      throw .table(path: path, .otherJSON)
    }
    return [names]
  }

  // MARK: - JSON

  private static func names(_ value: JSON) -> [String]? {
    if let name = value.stringValue { return [name] }
    let names = value.arrayValue?.compactMap(\.stringValue)
    return names?.count == value.arrayValue?.count ? names : nil
  }

  private static func read(_ object: JSON.Object, _ count: Int) -> ClassNames? {
    var result = ClassNames()
    for member in object.members {
      if let index = member.value.integerValue, (0..<count).contains(index) {
        result.add(member.key, index)
      } else if let index = Int(member.key), (0..<count).contains(index), let names = names(member.value) {
        for name in names { result.add(name, index) }
      } else {
        return nil
      }
    }
    return result
  }

  // MARK: - Lines

  /// The names of all classes in the order of the logits; nil for another number of them.
  private func inOrder(_ names: [[String]], _ count: Int) -> ClassNames? {
    guard names.count == count else { return nil }
    var result = ClassNames()
    for (index, names) in names.enumerated() {
      for name in names { result.add(name, index) }
    }
    return result
  }

  /// The names of a class on one line, which may begin with a WordNet identifier.
  private static func names(_ line: String) -> [String] {
    let words = line.split(maxSplits: 1, whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }).map(
      String.init)
    return words.count == 2 && LabelFile.isSynset(words[0]) ? [line, words[0], trimmed(words[1])] : [line]
  }

  /// A folder and a number on each line; nil where a line has no number of a class.
  private func numbered(_ count: Int, isFirst: Bool) -> ClassNames? {
    var result = ClassNames()
    for line in lines {
      let parts = isFirst ? Self.split(line) : Self.splitLast(line)
      guard parts.count == 2, let index = Int(parts[isFirst ? 0 : 1]), (0..<count).contains(index) else {
        return nil
      }
      result.add(parts[isFirst ? 1 : 0], index)
    }
    return lines.isEmpty ? nil : result
  }

  /// A folder and the name of a class on each line; nil where a line has none.
  private func pairs(_ count: Int, _ known: (String) -> Int?) -> ClassNames? {
    var result = ClassNames()
    for line in lines {
      let parts = Self.split(line)
      guard parts.count == 2, let index = known(parts[1]), index < count else { return nil }
      result.add(parts[0], index)
    }
    return lines.isEmpty ? nil : result
  }

  /// `line` in two at its first separator: a tab or comma where it has one, else a blank.
  private static func split(_ line: String) -> [String] {
    for mark in separators {
      if let end = line.firstIndex(of: mark) { return parts(line, end) }
    }
    return [line]
  }

  /// `line` in two at its last separator.
  private static func splitLast(_ line: String) -> [String] {
    for mark in separators {
      if let end = line.lastIndex(of: mark) { return parts(line, end) }
    }
    return [line]
  }

  private static let separators: [Character] = ["\t", ",", " "]

  private static func parts(_ line: String, _ end: String.Index) -> [String] {
    [trimmed(line[..<end]), trimmed(line[line.index(after: end)...])]
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "," || $0 == "\r" }
    var part = text[...]
    while let first = part.first, isBlank(first) { part = part.dropFirst() }
    while let last = part.last, isBlank(last) { part = part.dropLast() }
    return String(part)
  }
}
