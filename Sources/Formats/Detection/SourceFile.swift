import FixresBase

/// A mapped file and its kind, which is detected once, when the value is made.
///
/// Every reader takes its kind from here: no other code looks at a file's first bytes to decide what it is.
package struct SourceFile: Sendable {
  /// The path, as errors name it and as files beside it (shards, `config.json`, external data) are found.
  package let path: String
  /// The whole file.
  package let bytes: Bytes
  /// What the first bytes say.
  package let kind: FileKind

  /// The file with the contents `bytes`.
  package init(_ bytes: Bytes, path: String) {
    self.path = path
    self.bytes = bytes
    kind = FileKind.detect(bytes)
  }

  /// Maps the file at `path`.
  ///
  /// - Throws: `FormatError.file` where the system refuses it.
  package static func open(_ path: String) throws(FormatError) -> SourceFile {
    do { return SourceFile(try MappedFile.open(path), path: path) } catch { throw .file(error) }
  }
}
