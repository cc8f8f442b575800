import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Where test data lies, found from this file's own place.
package enum TestData {
  /// The root of the checkout.
  package static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// `Tests/Fixtures/<name>`.
  package static func fixture(_ name: String) -> String { root + "/Tests/Fixtures/" + name }

  /// `Tests/Golden/<name>`.
  package static func golden(_ name: String) -> String { root + "/Tests/Golden/" + name }

  /// What lies in the folder `path`, in byte-wise order; empty where there is no such folder.
  package static func names(in path: String) -> [String] {
    guard let folder = FileName.withBytes(path, { opendir($0) }) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { FileName.text(of: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// `../shared/<name>` beside the checkout, or nil where a checkout has none.
  package static func shared(_ name: String) -> String? {
    var parts = root.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    let path = parts.joined(separator: "/") + "/shared/" + name
    return (try? MappedFile.open(path)) == nil ? nil : path
  }
}
