import FixresBase

/// The file and format that a parser's faults are about.
struct FaultContext: Sendable {
  var path: String
  var format: FormatFault.Format

  func fault(_ place: FormatFault.Place, expected: String, found: String) -> FormatError {
    .malformed(FormatFault(path: path, format: format, place: place, expected: expected, found: found))
  }

  func fault(_ error: ReadError) -> FormatError {
    switch error {
    case .truncated(let offset, let expected, let found):
      fault(.byte(offset), expected: "\(expected) more bytes", found: "\(found)")
    case .overflow(let offset, let what):
      fault(.byte(offset), expected: "\(what) within 64 bits", found: "an overflow")
    }
  }

  func unsupported(_ what: Unsupported) -> FormatError { .unsupported(path: path, what) }

  /// The result of `body`, a read error turned into a fault of this file.
  func reading<R>(_ body: () throws(ReadError) -> R) throws(FormatError) -> R {
    do { return try body() } catch { throw fault(error) }
  }
}
