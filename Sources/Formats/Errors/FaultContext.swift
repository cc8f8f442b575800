import FixresBase

/// Makes the errors of one parser: the path of its file and its format.
struct FaultContext: Sendable {
  var path: String
  var format: FormatFault.Format

  /// A violation of the format's rules at `place`.
  func fault(_ place: FormatFault.Place, expected: String, found: String) -> FormatError {
    .malformed(FormatFault(path: path, format: format, place: place, expected: expected, found: found))
  }

  /// A violation of the format's rules: the file ends early, or a size overflows.
  func fault(_ error: ReadError) -> FormatError {
    switch error {
    case .truncated(let offset, let expected, let found):
      fault(.byte(offset), expected: "\(expected) more bytes", found: "\(found)")
    case .overflow(let offset, let what):
      fault(.byte(offset), expected: "\(what) within 64 bits", found: "an overflow")
    }
  }

  /// Valid contents that are not read.
  func unsupported(_ what: Unsupported) -> FormatError { .unsupported(path: path, what) }

  /// The result of `body`, with a read error converted to one of this file.
  func reading<R>(_ body: () throws(ReadError) -> R) throws(FormatError) -> R {
    do { return try body() } catch { throw fault(error) }
  }
}
