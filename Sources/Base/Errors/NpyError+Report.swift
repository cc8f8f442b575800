extension NpyError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .notNpy: ErrorReport("npy.magic", "expected a .npy file, found other bytes at its beginning")
    case .unsupportedVersion(let major, let minor):
      ErrorReport("npy.version", "expected .npy version 1.0 to 3.0, found \(major).\(minor)")
    case .truncated(let expected, let found):
      ErrorReport(
        "npy.truncated", "expected \(expected) more bytes, found \(found)",
        ["expected": JSON(expected), "found": JSON(found)])
    case .trailingBytes(let expected, let found):
      ErrorReport(
        "npy.trailing", "expected \(expected) bytes of elements, found \(found)",
        ["expected": JSON(expected), "found": JSON(found)])
    case .malformedHeader(let offset, let expected):
      ErrorReport(
        "npy.header", ".npy header at byte \(offset): expected \(expected)", ["offset": JSON(offset)])
    case .unsupportedType(let type):
      ErrorReport(
        "npy.type", "expected elements of a plain number type such as <f4, found \(type)",
        ["type": .string(type)])
    case .shapeOverflow(let shape):
      ErrorReport("npy.shape", "the shape \(Text.shortened("\(shape)")) is too large", ["shape": JSON(shape)])
    case .outOfMemory(let needed, let available): .memory("its elements take", needed, available)
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
