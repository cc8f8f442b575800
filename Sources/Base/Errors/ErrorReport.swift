/// A failure as people and programs read it.
package struct ErrorReport: Sendable {
  /// Bytes of a sentence at most, in every output.
  package static let sentenceLimit = 500
  /// `room.case`, such as `file.not-found`; stable within a `schema`.
  package var kind: String
  /// What was expected, what was found and where, in one line.
  package var message: String
  /// The error's own figures.
  package var data: JSON.Object
  /// What may help, in the words of the command line; one sentence.
  package var hint: String?

  /// A report of a kind.
  package init(_ kind: String, _ message: String, _ data: JSON = [:]) {
    self.kind = kind
    self.message = message
    self.data = data.objectValue ?? JSON.Object()
  }

  /// The report of any error; one that no room declares is of the kind `unknown`.
  package init(_ error: any Error) {
    self = (error as? any ReportedError)?.report ?? ErrorReport("unknown", "\(error)")
  }

  /// What a switch over some of an error's cases gives for the others, which another switch reports.
  package static let reportedElsewhere = ErrorReport(
    "unknown", "an error without a sentence, a fault of fixresc")

  /// What `taking` says takes `needed` bytes, for which the limits of the process leave no room.
  package static func memory(_ taking: String, _ needed: Int, _ available: Int) -> ErrorReport {
    ErrorReport(
      "file.memory",
      "\(taking) \(Text.bytes(needed)), and the limits of the process leave "
        + "\(Text.bytes(available)) (ulimit -v, -d)", ["needed": JSON(needed), "available": JSON(available)])
  }

  /// The message as it is printed: one line of at most `sentenceLimit` bytes, fit for a terminal.
  package var sentence: String { Text.line(message, limit: ErrorReport.sentenceLimit) }

  /// The member `error` of the `--json` object.
  package var json: JSON {
    var object = JSON.Object()
    object["kind"] = .string(kind)
    object["message"] = .string(sentence)
    for member in data.members where object[member.key] == nil {
      object[member.key] = ErrorReport.bounded(member.value)
    }
    if let hint { object["hint"] = .string(Text.line(hint, limit: ErrorReport.sentenceLimit)) }
    return .object(object)
  }

  /// Message and hint in one line of at most `limit` bytes, fit for a terminal.
  package func line(limit: Int) -> String {
    let isQuestion = message.utf8.last == UInt8(ascii: "?")
    let hint = hint.map { (isQuestion ? " " : ". ") + Text.line($0, limit: limit / 2) } ?? ""
    return Text.line(message, limit: limit - hint.utf8.count) + hint
  }

  /// Bytes of a text and elements of an array in `data` at most: names come from files.
  private static let (longestText, longestList) = (1000, 100_000)

  private static func bounded(_ value: JSON) -> JSON {
    switch value {
    case .string(let text): return .string(Text.cut(text, limit: longestText))
    case .array(let elements): return .array(elements.prefix(longestList).map(bounded))
    case .object(let object):
      var result = JSON.Object()
      for member in object.members { result[member.key] = bounded(member.value) }
      return .object(result)
    case .null, .bool, .integer, .number: return value
    }
  }

  /// This report about the file at `path`, named first.
  package func about(_ path: String) -> ErrorReport {
    var report = self
    if report.data["path"] == nil {
      report.message = path + ": " + report.message
      report.data["path"] = .string(path)
    }
    return report
  }
}
