import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses
import FixresRuntime

/// A failure as people and programs read it.
package struct ErrorReport {
  /// `room.case`, such as `file.not-found`; stable within a `schema`.
  package var kind: String
  /// What was expected, what was found and where, in one line.
  package var message: String
  /// The error's own figures.
  package var data: JSON.Object
  /// What may help; one sentence.
  package var hint: String?
  /// The exit status of the tool.
  package var status: Int32 = 1

  /// The report of an error of any room.
  package init(_ kind: String, _ message: String, _ data: JSON = [:]) {
    self.kind = kind
    self.message = message
    self.data = data.objectValue ?? JSON.Object()
  }

  /// The report of an error of any room.
  package init(_ error: any Error) {
    switch error {
    case let error as UsageError: self = .usage(error)
    case let error as CommandError: self = .command(error)
    case let error as FileError: self = .file(error)
    case let error as ReadError: self = .read(error)
    case let error as JSONError: self = .json(error)
    case let error as NpyError: self = .npy(error)
    case let error as IRError: self = .ir(error)
    case let error as FormatError: self = .format(error)
    case let error as SafeTensorsExporter.Refusal: self = .report(error)
    case let error as ArchitectureError: self = .architecture(error)
    case let error as PassError: self = .pass(error)
    case let error as RuntimeError: self = .runtime(error)
    case let error as ImageError: self = .image(error)
    case let error as EvaluationError: self = .evaluation(error)
    case let error as MethodError: self = .method(error)
    default: self.init("unknown", "\(error)")
    }
  }

  /// The member `error` of the `--json` object.
  package var json: JSON {
    var object = JSON.Object()
    object["kind"] = .string(kind)
    object["message"] = .string(Text.line(message, limit: Console.errorLineLimit))
    for member in data.members where object[member.key] == nil {
      object[member.key] = ErrorReport.bounded(member.value)
    }
    if let hint { object["hint"] = .string(Text.line(hint, limit: Console.errorLineLimit)) }
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
  func about(_ path: String) -> ErrorReport {
    var report = self
    if report.data["path"] == nil {
      report.message = path + ": " + report.message
      report.data["path"] = .string(path)
    }
    return report
  }
}

/// What the commands themselves refuse.
package enum CommandError: Error {
  /// `underlying` happened while reading or writing `path`.
  case about(path: String, underlying: any Error)
  /// A choice of the caller that does not fit the model or the data; one sentence.
  case refused(kind: String, String)
  /// A report that is complete.
  case reported(ErrorReport)
}

/// Calls `body`, naming `path` in whatever it throws.
func naming<R>(_ path: String, _ body: () throws -> R) throws -> R {
  do { return try body() } catch { throw CommandError.about(path: path, underlying: error) }
}
