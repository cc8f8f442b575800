#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Executables of the build under test, which lie beside the test bundle whatever its configuration or build folder.
package enum BuiltProduct {
  /// There is no executable at `path`: the build under test has not made it.
  package struct Missing: Error { package let path: String }

  /// The path of the executable `name` of the build under test.
  ///
  /// - Throws: `Missing` where the build has no such executable, so that a test that needs it fails.
  package static func path(of name: String) throws -> String {
    let path = folder + "/" + name
    guard access(path, X_OK) == 0 else { throw Missing(path: path) }
    return path
  }

  /// The folder of the test bundle: on Linux that of the running executable, elsewhere of the `.xctest` bundle that
  /// holds this code.
  private static let folder: String = {
    #if os(Linux)
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      let count = max(readlink("/proc/self/exe", &buffer, Int(PATH_MAX)), 0)
      let file = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    #else
      var info = Dl_info()
      let isFound = dladdr(#dsohandle, &info) != 0
      let file = isFound ? info.dli_fname.map { String(cString: $0) } ?? "" : ""
    #endif
    var parts = file.split(separator: "/", omittingEmptySubsequences: false)
    if let bundle = parts.lastIndex(where: { $0.hasSuffix(".xctest") }) {
      parts.removeSubrange(bundle...)
    } else {
      parts.removeLast()
    }
    return parts.joined(separator: "/")
  }()
}
