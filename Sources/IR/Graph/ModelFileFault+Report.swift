import FixresBase

extension ModelFileFault: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    let (kind, reason): (String, String) =
      switch self {
      case .notAModelFile: ("magic", "expected a fixresc model file, found another first word")
      case .truncated(let expected, let found):
        ("truncated", "expected \(expected) bytes, found \(found)")
      case .newerVersion(let found, let supported):
        (
          "version",
          "expected version \(supported) or earlier, found version \(found); a newer fixresc reads it"
        )
      case .checksum(let expected, let found):
        (
          "checksum",
          "expected the checksum \(ModelFileFault.hex(expected)), found \(ModelFileFault.hex(found)); the file is damaged"
        )
      case .outOfRange(let offset, let count, let whole):
        (
          "range",
          "expected it inside the file of \(whole) bytes, found bytes \(offset) to \(offset &+ count)"
        )
      case .overlap(let other): ("overlap", "expected sections apart, found it overlapping \(other)")
      case .duplicate: ("duplicate", "expected it once, found it twice")
      case .missing: ("missing", "expected it, found none")
      case .misaligned(let offset):
        ("alignment", "expected it on a multiple of 64, found it at byte \(offset)")
      case .unknownRequired: ("unknown", "it must be understood, and this fixresc does not know it")
      case .byteCount(let expected, let found): ("size", "expected \(expected) bytes, found \(found)")
      case .notUTF8: ("utf8", "expected UTF-8, found bytes that are not")
      case .json(let error): ("json", error.report.message)
      case .metadata(let key, let expected): ("metadata", "expected `\(key)` to be \(expected)")
      }
    return ErrorReport("model-file.\(kind)", reason)
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
