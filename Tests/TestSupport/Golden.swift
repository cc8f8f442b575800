import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Texts kept under Tests/Golden; `FIXRESC_BLESS=1` writes them anew.
package enum Golden {
  package static var isBlessing: Bool { getenv("FIXRESC_BLESS").map { String(cString: $0) } == "1" }

  /// nil where `text` equals the golden called `name`, else what is different.
  package static func difference(_ text: String, from name: String) -> String? {
    let path = TestData.golden(name)
    if isBlessing {
      makeFolders(of: path)
      do { try AtomicFileWriter.write(Array(text.utf8), to: path) } catch { return "\(error)" }
      return nil
    }
    guard let bytes = try? MappedFile.open(path) else { return "there is no golden \(name); bless it" }
    let expected = String(decoding: bytes.array, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let found = text.split(separator: "\n", omittingEmptySubsequences: false)
    for index in 0..<max(expected.count, found.count) {
      let (a, b) = (
        index < expected.count ? expected[index] : "(end)", index < found.count ? found[index] : "(end)"
      )
      if a != b { return "\(name), line \(index + 1): expected `\(a)`, found `\(b)`" }
    }
    return nil
  }

  /// The golden called `name`; nil where there is none.
  package static func text(_ name: String) -> String? {
    guard let bytes = try? MappedFile.open(TestData.golden(name)) else { return nil }
    return String(decoding: bytes.array, as: UTF8.self)
  }

  /// Names of the text files in the golden folder `folder`, sorted.
  package static func names(in folder: String) -> [String] {
    TestData.names(in: TestData.golden(folder)).filter { $0.hasSuffix(".txt") }
  }

  private static func makeFolders(of path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    for count in 2..<max(parts.count, 2) { mkdir(parts.prefix(count).joined(separator: "/"), 0o777) }
  }
}
