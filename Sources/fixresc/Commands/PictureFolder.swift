import FixresBase
import FixresImaging
import FixresMethod

/// Folders of pictures as every command lists them, and what it says of pictures that it could not take.
enum PictureFolder {
  static let allPictures = Option(
    "--all-pictures",
    "in folders also take pictures of kinds that torchvision's ImageFolder leaves out, such as .gif")

  static let maximumFailures = Option(
    "--max-failures", "N", kind: .integer(1...Int.max),
    "end early after N pictures in succession that cannot be read (default 100)")

  /// Pictures in succession that may fail; without a number and with `--allow-failures`, all of them.
  static func failureLimit(_ invocation: Invocation) -> Int {
    let allows =
      invocation.declares(LabelledFolder.allowFailures) && invocation.has(LabelledFolder.allowFailures)
    return invocation.integer(maximumFailures) ?? (allows ? .max : FailureStreak.usualLimit)
  }

  static func kinds(_ invocation: Invocation) -> PictureKinds {
    invocation.has(allPictures) ? .all : .imageFolder
  }

  /// The labelled pictures of the class folders in `path`; what is left out is said.
  static func labelled(_ path: String, _ invocation: Invocation) throws(ImageError) -> ImageFolder {
    let folder = try folder(path, invocation)
    tell(folder.leftOut, of: path, invocation)
    return folder
  }

  /// The class folders in `path`, or, where workers compute, those of a list of pictures that they have.
  static func folder(_ path: String, _ invocation: Invocation) throws(ImageError) -> ImageFolder {
    guard isList(path, invocation) else { return try ImageFolder(path: path, kinds: kinds(invocation)) }
    return try ImageFolder(list: path)
  }

  private static func isList(_ path: String, _ invocation: Invocation) -> Bool {
    invocation.console.workers != nil && DirectoryListing.kind(of: path) == .regular
  }

  /// Paths of all pictures in `path` and below it; what is left out is said.
  static func pictures(_ path: String, _ invocation: Invocation) throws(ImageError) -> [String] {
    guard !isList(path, invocation) else { return try ImageFolder(list: path).entries.map(\.path) }
    let listing = try PictureListing(of: path, kinds: kinds(invocation))
    tell(listing.leftOut, of: path, invocation)
    return listing.paths
  }

  private static func tell(_ leftOut: PictureListing.LeftOut, of path: String, _ invocation: Invocation) {
    let console = invocation.console
    if !leftOut.otherPictures.isEmpty {
      let count = leftOut.otherPictures.values.reduce(0, +)
      console.warn(
        "\(path): left out \(Text.count(count, "picture")) of other kinds than ImageFolder's "
          + "(\(listed(leftOut.otherPictures))); --all-pictures takes them")
    }
    if leftOut.danglingLinks > 0 {
      console.warn(
        "\(path): left out \(Text.count(leftOut.danglingLinks, "link")) to nothing, the first: "
          + "\(leftOut.firstDanglingLink ?? ""). Exit status 1")
      console.status = 1
    }
    func note(_ sentence: String) { console.note("fixresc: note: \(path): \(sentence)") }
    if !leftOut.otherFiles.isEmpty {
      let count = leftOut.otherFiles.values.reduce(0, +)
      note("left out \(Text.count(count, "file")) without a picture's ending (\(listed(leftOut.otherFiles)))")
    }
    if leftOut.besideClasses > 0 {
      note("left out \(Text.count(leftOut.besideClasses, "picture")) beside the class folders")
    }
    if leftOut.loops > 0 {
      note("left out \(Text.count(leftOut.loops, "link")) to a folder above")
    }
  }

  /// `.txt 3, .json 1`, the most frequent first.
  private static func listed(_ counts: [String: Int]) -> String {
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let shown = sorted.prefix(8).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    return sorted.count > 8 ? shown + ", ..." : shown
  }

  /// Names the pictures that could not be read; the exit status is 1, as the results lack them, but where
  /// `--allow-failures` accepts damaged ones.
  static func tell(_ failures: PictureFailures, _ invocation: Invocation) {
    let console = invocation.console
    let missing = failures.count - failures.damagedCount
    if missing > 0 {
      let paths = failures.kept.filter { $0.error.isWithoutDecoder }.map(\.path)
      console.warn(
        "\(Text.count(missing, "picture")) of formats without a decoder (\(listed(failures.withoutDecoder))) "
          + "did not count: \(Text.listed(paths, or: "")); convert them to PNG. Exit status 1")
      console.status = 1
    }
    if let first = failures.firstDamaged {
      let count = failures.damagedCount
      let allows =
        invocation.declares(LabelledFolder.allowFailures) && invocation.has(LabelledFolder.allowFailures)
      let reason = first.error.report.about(first.path).message
      console.warn(
        "\(Text.count(count, "picture")) could not be decoded and \(count == 1 ? "is" : "are") "
          + "not counted\(allows ? "" : " (exit status 1)"); the first: \(reason)")
      if !allows { console.status = 1 }
    }
    console.failures += failures.kept.map { failure in
      [
        "input": .string(failure.path), "error": .string(failure.error.report.message),
        "without_decoder": JSON(failure.error.isWithoutDecoder),
      ]
    }
    console.failureCount += failures.count
  }
}
