import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The files of the checkout, as tests of pages and sources read them.
package enum SourceTree {
  /// Whether there is a file or folder at `path`, which counts from the root of the checkout.
  package static func exists(_ path: String) -> Bool {
    access(TestData.root + "/" + path, F_OK) == 0
  }

  /// The text of the file at `path`; nil where there is none.
  package static func text(_ path: String) -> String? {
    guard let bytes = try? MappedFile.open(TestData.root + "/" + path) else { return nil }
    return String(decoding: bytes.array, as: UTF8.self)
  }

  /// Paths of the files below `folder` whose names end in `suffix`, sorted.
  package static func files(under folder: String, suffix: String) -> [String] {
    guard let stream = opendir(TestData.root + "/" + folder) else { return [] }
    defer { closedir(stream) }
    var paths: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let path = folder + "/" + name
      if name.hasSuffix(suffix) { paths.append(path) }
      paths += files(under: path, suffix: suffix)
    }
    return paths.sorted()
  }
}
