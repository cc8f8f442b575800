import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A folder of its own for one test, removed with all that lies directly in it.
package final class TemporaryFolder: Sendable {
  package let path: String

  package struct Failed: Error { package let errno: Int32 }

  package init() throws {
    let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((root + "/fixresc-test-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw Failed(errno: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { TemporaryFolder.remove(path, depth: 4) }

  /// Removes a folder and what lies in it, `depth` levels deep; links are not followed.
  private static func remove(_ path: String, depth: Int) {
    for name in TestData.names(in: path) {
      let entry = path + "/" + name
      if FileName.withBytes(entry, { unlink($0) }) != 0, depth > 0 { remove(entry, depth: depth - 1) }
    }
    _ = FileName.withBytes(path) { rmdir($0) }
  }

  /// Makes the folder `name` inside this one; its path.
  package func makeFolder(_ name: String) -> String {
    let inner = path + "/" + name
    _ = FileName.withBytes(inner) { mkdir($0, 0o777) }
    return inner
  }

  /// What lies in the folder, in byte-wise order.
  package var names: [String] { TestData.names(in: path) }
}
