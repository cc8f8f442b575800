import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension ErrorReport {
  static func command(_ error: CommandError) -> ErrorReport {
    switch error {
    case .about(let path, let underlying): ErrorReport(underlying).about(path)
    case .refused(let kind, let sentence): ErrorReport(kind, sentence)
    case .reported(let report): report
    }
  }

  static func file(_ error: FileError) -> ErrorReport {
    switch error {
    case .notFound(let path):
      ErrorReport("file.not-found", "\(path): no such file or folder", ["path": .string(path)])
    case .danglingLink(let path, let target):
      ErrorReport(
        "file.dangling-link",
        "\(path): expected a file or folder, found a link to \(target), which does not exist",
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
      ErrorReport(
        "file.memory",
        "\(path): reading it takes \(Text.bytes(needed)), and the limits of the process leave "
          + "\(Text.bytes(available)) (ulimit -v, -d)",
        ["path": .string(path), "needed": JSON(needed), "available": JSON(available)])
    case .system(let path, let call, let code):
      ErrorReport(
        "file.system", "\(path): \(String(cString: strerror(code))) (\(call))",
        ["path": .string(path), "call": .string(call), "errno": JSON(Int(code))])
    }
  }

  static func read(_ error: ReadError) -> ErrorReport {
    switch error {
    case .truncated(let offset, let expected, let found):
      ErrorReport(
        "read.truncated", "expected \(expected) bytes at byte \(offset), found \(found)",
        ["offset": JSON(offset), "expected": JSON(expected), "found": JSON(found)])
    case .overflow(let offset, let what):
      ErrorReport(
        "read.overflow", "\(what) at byte \(offset) is too large",
        ["offset": JSON(offset), "what": .string(what)])
    }
  }

  static func json(_ error: JSONError) -> ErrorReport {
    let (kind, reason): (String, String) =
      switch error.reason {
      case .truncated: ("truncated", "expected more text, found the end")
      case .unexpected(let byte, let expected):
        ("unexpected", "expected \(expected), found \(character(byte))")
      case .trailingBytes: ("trailing", "expected the end, found more text")
      case .invalidUTF8: ("utf8", "expected UTF-8, found bytes that are not")
      case .invalidEscape: ("escape", "expected an escape such as \\n or \\u0041, found another")
      case .loneSurrogate: ("surrogate", "expected a pair of surrogates, found one alone")
      case .controlCharacter: ("control", "expected text, found a control character inside a string")
      case .numberOutOfRange: ("number", "expected a number that fits a double, found a larger or longer one")
      case .tooDeep(let limit): ("depth", "expected at most \(limit) nested brackets, found more")
      case .duplicateKey(let key):
        ("duplicate", "expected each key once, found \"\(Text.shortened(key))\" again")
      }
    return ErrorReport(
      "json.\(kind)", "JSON at byte \(error.offset): \(reason)", ["offset": JSON(error.offset)])
  }

  private static func character(_ byte: UInt8) -> String {
    (0x21...0x7E).contains(byte)
      ? "`\(Character(Unicode.Scalar(byte)))`" : "byte 0x\(String(byte, radix: 16))"
  }

  static func npy(_ error: NpyError) -> ErrorReport {
    switch error {
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
    }
  }
}
