#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension FileError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .notFound(let path):
      ErrorReport("file.not-found", "\(path): no such file or folder", ["path": .string(path)])
    case .danglingLink(let path, let target):
      ErrorReport(
        "file.dangling-link",
        "\(path): expected a link to a file or folder that exists, found a link to \(target)",
        ["path": .string(path), "target": .string(target)])
    case .isDirectory(let path):
      ErrorReport("file.is-folder", "\(path): expected a file, found a folder", ["path": .string(path)])
    case .isNotDirectory(let path):
      ErrorReport("file.is-no-folder", "\(path): expected a folder, found a file", ["path": .string(path)])
    case .notRegular(let path):
      ErrorReport(
        "file.not-regular", "\(path): expected a regular file, found a pipe, a socket or a device",
        ["path": .string(path)])
    case .permissionDenied(let path):
      ErrorReport("file.permission", "\(path): permission denied", ["path": .string(path)])
    case .changedWhileRead(let path):
      ErrorReport(
        "file.changed",
        "\(path): expected a file that stays as it is while it is read, found that another program "
          + "changed it; replace files by renaming", ["path": .string(path)])
    case .tooLarge(let path, let count, let limit):
      ErrorReport(
        "file.too-large", "\(path): expected at most \(Text.bytes(limit)), found \(Text.bytes(count))",
        ["path": .string(path), "bytes": JSON(count), "limit": JSON(limit)])
    case .outOfMemory(let path, let needed, let available):
      .memory("reading it takes", needed, available).about(path)
    case .cancelled(let path):
      ErrorReport(
        "cancelled", "\(path): not written, as the caller cancelled the work", ["path": .string(path)])
    case .system(let path, let call, let code):
      ErrorReport(
        "file.system", "\(path): \(String(cString: strerror(code))) (\(call))",
        ["path": .string(path), "call": .string(call), "errno": JSON(Int(code))])
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
