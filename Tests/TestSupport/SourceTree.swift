import FixresBase

/// The files of the checkout, as tests of pages and sources read them; paths count from its root.
package enum SourceTree {
  /// Whether there is a file or folder at `path`.
  package static func exists(_ path: String) -> Bool {
    DirectoryListing.kind(of: TestData.root + "/" + path) != nil
  }

  /// The text of the file at `path`; nil where there is none.
  package static func text(_ path: String) -> String? {
    guard let bytes = try? MappedFile.open(TestData.root + "/" + path) else { return nil }
    return String(decoding: bytes.array, as: UTF8.self)
  }

  /// Paths of the files below `folder` whose names end in `suffix`.
  package static func files(under folder: String, suffix: String) -> [String] {
    let names = (try? DirectoryListing.names(in: TestData.root + "/" + folder)) ?? []
    return names.flatMap { name in
      let path = folder + "/" + name
      let below = files(under: path, suffix: suffix)
      return name.hasSuffix(suffix) ? [path] + below : below
    }
  }
}
