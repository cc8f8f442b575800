import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses

/// Folders of pictures as the method's commands take them.
enum LabelledFolder {
  static let limit = Option(
    "--limit", "N", kind: .integer(1...Int.max), "only N pictures, at even distances in the folder")
  static let allowFailures = Option(
    "--allow-failures", "go on however many pictures fail to decode (default: an error beyond 1 %)")

  static let classes = Option(
    "--classes", "FILE|subset", kind: .file(.input), repeatable: true,
    "FILE says which folder is which class; sorted: folders in byte-wise order; numbers: folder 10 is class 10; subset: "
      + "only the folders' classes compete")

  /// The classes of the folders of `folder`, and how scores are read; notes say what is not plain.
  static func matching(
    _ folder: ImageFolder, _ metadata: ModelMetadata, classCount: Int, _ invocation: Invocation
  ) throws -> ClassMatching {
    guard classCount > 0 else { throw EvaluationError.noLogits }
    let choice = try choice(invocation)
    let matching = try naming(folder.path) {
      try ClassMatching(folder.classes, metadata, classCount: classCount, choice: choice)
    }
    for note in notes(matching, folder, isStated: choice.order != nil) {
      invocation.console.note("fixresc: note: \(folder.path): \(note)")
    }
    return matching
  }

  private static func choice(_ invocation: Invocation) throws -> ClassMatching.Choice {
    var choice = ClassMatching.Choice()
    for word in invocation.texts(classes) {
      switch word {
      case "subset": choice.isSubset = true
      case "sorted", "numbers":
        guard choice.order == nil, choice.table == nil else {
          throw invocation.conflict("--classes: expected one of sorted, numbers or FILE, found two")
        }
        choice.order = word == "sorted" ? .sorted : .numbers
      default:
        guard choice.order == nil, choice.table == nil else {
          throw invocation.conflict("--classes: expected one of sorted, numbers or FILE, found two")
        }
        choice.table = try ClassTable(path: word)
      }
    }
    return choice
  }

  private static func notes(_ matching: ClassMatching, _ folder: ImageFolder, isStated: Bool) -> [String] {
    var notes: [String] = []
    let (folders, reading) = (folder.classes.count, matching.reading)
    if reading.function == .sigmoidOfOne {
      let names = zip(matching.logits, folder.classes).map { "`\($1)` is class \($0)" }
      notes.append("one logit, class 1 above a probability of 0.5: " + names.joined(separator: ", "))
    } else if !isStated, matching.rule == .order {
      notes.append("folders in byte-wise order are taken for the classes in order")
    } else if !isStated, matching.rule == .numbers {
      notes.append("folders are taken for the classes of their numbers")
    }
    if reading.competing != nil {
      notes.append("only the logits of the \(folders) folders compete, of \(reading.scoreCount)")
    } else if folders < reading.classCount {
      notes.append(
        "\(Text.count(folders, "folder")) for \(reading.classCount) classes, which all compete; --classes subset lets "
          + "only the folders' classes compete")
    }
    return notes
  }

  /// The pictures of class folders, their classes matched to those of `metadata`.
  static func labelled(
    _ path: String, _ metadata: ModelMetadata, classCount: Int, _ invocation: Invocation, limit: Int? = nil
  ) throws -> (pictures: LabelledPictures, matching: ClassMatching) {
    let folder = try PictureFolder.labelled(path, invocation)
    let matching = try matching(folder, metadata, classCount: classCount, invocation)
    var pictures = LabelledPictures(folder, matching, limit: limit)
    pictures.allowsFailures = invocation.has(allowFailures)
    pictures.maximumFailures = PictureFolder.failureLimit(invocation)
    return (pictures, matching)
  }

  /// The JSON members that say how folders were matched and which classes compete.
  static func members(_ matching: ClassMatching) -> [(key: String, value: JSON)] {
    [
      ("classes_by", .string(matching.rule.rawValue)), ("folders", JSON(matching.logits.count)),
      ("classes", JSON(matching.reading.classCount)),
      ("competing", JSON(matching.reading.competing?.count ?? matching.reading.classCount)),
    ]
  }

  /// The pictures of class folders or of the folder itself, whatever their classes.
  static func unlabelled(_ path: String, _ invocation: Invocation, limit: Int? = nil) throws
    -> LabelledPictures
  {
    let all = try PictureFolder.pictures(path, invocation).map { ImageFolder.Entry(path: $0, classIndex: 0) }
    let entries = Evaluation.selection(of: all, limit: limit)
    guard !entries.isEmpty else { throw MethodError.noPictures(path: path) }
    var pictures = LabelledPictures(path: path, unlabelled: entries.map(\.path))
    pictures.allowsFailures = invocation.has(allowFailures)
    pictures.maximumFailures = PictureFolder.failureLimit(invocation)
    return pictures
  }

  /// Warns of pictures that did not count or whose orientation was not applied.
  static func tell(_ summary: PictureRun.Summary, _ invocation: Invocation) {
    PictureSource.warnOfTurned(summary.turnedCount, invocation)
    PictureFolder.tell(summary.failures, invocation)
  }

  static let cache = Option(
    "--cache", "DIR", kind: .folder(.cache),
    "keep what the network gives for each picture in DIR, and take it from there where model, preprocessing and picture "
      + "are the same")
  static let cacheLimit = Option(
    "--cache-limit", "MB", kind: .integer(1...(1 << 40)),
    "bytes of DIR at most; what was not used for longest goes first (default 16384)")

  /// The cache that `--cache` names, or the workers in its place; nil without either.
  static func cache(_ invocation: Invocation) throws -> FeatureCache? {
    if let workers = invocation.console.workers {
      guard !invocation.has(cache), !invocation.has(cacheLimit) else {
        throw invocation.conflict(
          "--cache: expected pictures that this process computes, found workers who do")
      }
      return FeatureCache(workers)
    }
    guard let path = invocation.text(cache) else {
      guard !invocation.has(cacheLimit) else { throw invocation.conflict("--cache-limit needs --cache DIR") }
      return nil
    }
    let limit = invocation.integer(cacheLimit).map { $0 << 20 } ?? FeatureCache.usualLimit
    let cache = FeatureCache(path: path, limit: limit)
    try naming(path) { try cache.requireWritable() }
    return cache
  }

  /// Says how many samples came from a cache, and where it could keep no more.
  static func tell(_ cache: FeatureCache?, taken: Int, of total: Int, _ invocation: Invocation) {
    if taken > 0 {
      invocation.console.note(
        "fixresc: note: \(Text.grouped(taken)) of \(Text.count(total, "result")) had been kept by an earlier run"
      )
    }
    if let cache, cache.isFull {
      invocation.console.warn(
        "\(cache.path): nothing more is kept: its limit of \(Text.bytes(cache.limit)) is reached, or the disk refuses"
      )
    }
  }

  static let resolutionsSummary = "test resolutions between commas, also A..B:STEP (A..B in steps of 32)"

  /// Test resolutions between commas, each a side or a range `A..B:STEP`; ascending, each once.
  static func resolutions(_ option: Option, _ invocation: Invocation) throws -> [Int] {
    let parts = invocation.list(option) ?? []
    let sides = parts.compactMap(sides)
    guard !parts.isEmpty, sides.count == parts.count else {
      throw invocation.conflict(
        "\(option.name): expected sides from 1 to 32768 between commas, such as 160,224,288 or 160..288:32, found "
          + "`\(Text.shortened(invocation.text(option) ?? ""))`")
    }
    return Set(sides.joined()).sorted()
  }

  /// Sides are at most this many: each is measured, and none by accident.
  private static let mostSides = 1000

  /// The side `text`, or the sides of the range `text`; nil where it is neither.
  private static func sides(_ text: String) -> [Int]? {
    let allowed = 1...32768
    func side(_ text: Substring) -> Int? { Int(text).flatMap { allowed.contains($0) ? $0 : nil } }
    guard let dots = text.firstRange(of: "..") else { return side(text[...]).map { [$0] } }
    let ends = text[dots.upperBound...].split(separator: ":", omittingEmptySubsequences: false)
    guard let first = side(text[..<dots.lowerBound]), (1...2).contains(ends.count), let last = side(ends[0]),
      let step = ends.count == 2 ? side(ends[1]) : 32, first <= last, (last - first) / step < mostSides
    else { return nil }
    return Array(stride(from: first, through: last, by: step))
  }

  /// `resolutions` with the model's training resolution among them, which others are compared with.
  static func withBaseline(
    _ resolutions: [Int], _ source: ImportedModel, _ console: Console
  ) throws -> (resolutions: [Int], baseline: Int) {
    guard let train = source.model.metadata.trainResolution else {
      throw MethodError.unknownTrainResolution
    }
    let side = min(train.height, train.width)
    guard !resolutions.contains(side) else { return (resolutions, side) }
    console.note(
      "fixresc: note: the training resolution \(side) is measured too: the others are compared with it")
    return ((resolutions + [side]).sorted(), side)
  }

  /// Warns of test resolutions below a ResNet's usual ones.
  static func warnOfSmall(_ sizes: [Extent], _ invocation: Invocation) {
    for size in sizes where RetargetResolution.isSmall(size) {
      invocation.console.warn("\(PassNote.smallResolution(size))")
    }
  }

  /// Writes a report where `-o` asks for one.
  static func write(_ report: HTMLReport, _ option: Option, _ invocation: Invocation) throws {
    guard let path = invocation.text(option) else { return }
    try naming(path) { try AtomicFileWriter.write(Array(report.html.utf8), to: path) }
    invocation.console.line("wrote \(path)")
  }

  static let report = Option(
    "--output", short: "-o", "FILE.html", kind: .file(.output()),
    "write a report with plots, a page that needs nothing else")
}
