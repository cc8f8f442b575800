import FixresBase

extension ImageError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .file(let error): error.report
    case .unknownFormat(let bytes):
      ErrorReport(
        "image.unknown-format",
        "expected a JPEG, PNG or PPM picture, found \(bytes.isEmpty ? "an empty file" : "the bytes " + ImageError.hex(bytes))"
      )
    case .otherFormat(let name):
      ErrorReport(
        "image.other-format", "expected a JPEG, PNG or PPM picture, found \(name)", ["found": .string(name)])
    case .truncated(let format, let offset, let expected, let found):
      ErrorReport(
        "image.truncated",
        "\(format.rawValue), byte \(offset): expected \(Text.count(expected, "more byte")), found \(found)",
        ["offset": JSON(offset), "expected": JSON(expected), "found": JSON(found)])
    case .malformed(let format, let offset, let expected, let found):
      ErrorReport(
        "image.malformed", "\(format.rawValue), byte \(offset): expected \(expected), found \(found)",
        ["offset": JSON(offset), "expected": .string(expected), "found": .string(found)])
    case .unsupported(let format, let offset, let feature):
      ErrorReport(
        "image.unsupported", "\(format.rawValue), byte \(offset): \(feature) is not supported",
        ["offset": JSON(offset), "feature": .string(feature)])
    case .checksum(let format, let offset, let part, let expected, let found):
      ErrorReport(
        "image.checksum",
        "\(format.rawValue), byte \(offset): \(part): expected the checksum \(expected), found \(found)",
        ["offset": JSON(offset), "part": .string(part)])
    case .tooManyPixels(let width, let height, let limit):
      ErrorReport(
        "image.too-many-pixels", "expected 1 to \(Text.grouped(limit)) pixels, found \(width)x\(height)",
        ["width": JSON(width), "height": JSON(height), "limit": JSON(limit)])
    case .outOfMemory(let count):
      ErrorReport("image.memory", "\(Text.bytes(count)) of memory were refused", ["bytes": JSON(count)])
    case .preprocessing(let expected, let found):
      ErrorReport("image.preprocessing", "preprocessing: expected \(expected), found \(found)")
    case .inputMemory(let expected, let found):
      ErrorReport("image.input-memory", "input in memory: expected \(expected), found \(found)")
    case .tooManyFolders(let path, let limit):
      ErrorReport(
        "image.too-many-folders",
        "\(path): expected at most \(Text.grouped(limit)) folders of pictures, found more; do links multiply them?",
        ["path": .string(path), "limit": JSON(limit)])
    case .reported(let kind, let sentence, _): ErrorReport(kind, sentence)
    case .noClasses(let path):
      ErrorReport(
        "image.no-classes", "\(path): expected folders DIR/<class>/<picture>, found none",
        ["path": .string(path)])
    case .emptyClass(let path):
      ErrorReport(
        "image.empty-class", "\(path): expected pictures in the class folder, found none",
        ["path": .string(path)])
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
