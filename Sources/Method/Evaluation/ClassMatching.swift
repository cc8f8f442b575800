import FixresIR
import FixresImaging
import FixresRuntime

/// How the class folders of a data set correspond to a model's classes.
///
/// Folders that leave a doubt are refused: a wrong correspondence gives a figure that looks like an accuracy.
public struct ClassMatching: Hashable, Sendable {
  /// How folders were matched to classes.
  public enum Rule: String, Hashable, Sendable {
    /// Every folder is called like one of the model's labels.
    case labels
    /// Every folder is called like one of the model's WordNet identifiers.
    case synsets
    /// Folders called 0 to C - 1 are the classes of these numbers.
    case numbers
    /// Folders in byte-wise order are the classes in order.
    case order
    /// A file says which folder is which class.
    case file
  }

  /// What the caller states about the folders.
  public struct Choice: Sendable {
    /// Order of folders without names that are known.
    public enum Order: Hashable, Sendable {
      /// Folders in byte-wise order of their names, as torchvision's `ImageFolder`.
      case sorted
      /// Folders by the numbers that they are called.
      case numbers
    }

    /// The order that is stated; nil leaves it to the folders' names.
    public var order: Order?
    /// Only the folders' classes compete.
    public var isSubset = false
    /// Which folder is which class.
    public var table: ClassTable?

    /// Nothing is stated.
    public init() {}
  }

  /// How the folders were matched.
  public let rule: Rule
  /// The class of each folder.
  public let logits: [Int]
  /// How rows of logits are read.
  package let reading: ScoreReading
  /// The labels of the model whose classes these are.
  let labels: [String]

  /// Matches `folders`, in byte-wise order, to the classes of `metadata`.
  ///
  /// - Throws: `EvaluationError` where folders leave a doubt about their classes.
  package init(
    _ folders: [String], _ metadata: ModelMetadata, classCount: Int, choice: Choice = Choice()
  ) throws(EvaluationError) {
    let whole = metadata.reading(logitCount: classCount)
    let matcher = Matcher(folders: folders, metadata: metadata, classes: whole.classCount)
    (rule, logits) = try matcher.match(choice)
    labels = metadata.labels
    if choice.isSubset {
      guard rule != .order, whole.function != .sigmoidOfOne else {
        throw .subsetWithoutNames(classes: whole.classCount)
      }
      reading = ScoreReading(metadata.outputs, logitCount: classCount, competing: logits)
    } else {
      reading = whole
    }
  }
}

/// One matching of folders to classes.
private struct Matcher {
  let folders: [String]
  let metadata: ModelMetadata
  let classes: Int

  func match(_ choice: ClassMatching.Choice) throws(EvaluationError) -> (ClassMatching.Rule, [Int]) {
    if let table = choice.table {
      return (.file, try distinct(table.classes(of: folders, metadata, classCount: classes)))
    }
    switch choice.order {
    case .sorted: return (.order, try sorted())
    case .numbers: return (.numbers, try numbers())
    case nil: break
    }
    for (rule, names) in [(ClassMatching.Rule.synsets, metadata.synsets), (.labels, metadata.labels)] {
      let known = ClassNames(names)
      let found = folders.compactMap(known.index)
      if !names.isEmpty, found.count == folders.count { return (rule, try distinct(found)) }
    }
    return try withoutNames()
  }

  /// Folders of which not all are called like a class of the model.
  private func withoutNames() throws(EvaluationError) -> (ClassMatching.Rule, [Int]) {
    let values = folders.compactMap(Self.number)
    if values.count == folders.count, Set(values) == Set(0..<classes), folders.count == classes {
      guard values == Array(0..<classes) else { throw .numberedFolders(folders.count, classes: classes) }
      return (.numbers, values)
    }
    // With two classes of one logit, the label of the second is often the only one.
    let isNamed = !(metadata.labels.isEmpty && metadata.synsets.isEmpty)
    guard isNamed, metadata.labels.count == classes || metadata.synsets.count == classes else {
      if let classes = positive() { return (.labels, classes) }
      // Byte-wise order is not the order of such numbers (10 before 2), and either may be meant.
      guard values.count < folders.count || (folders.count == classes && values == values.sorted()) else {
        throw .numberedFolders(folders.count, classes: classes)
      }
      return (.order, try sorted())
    }
    let (labels, synsets) = (ClassNames(metadata.labels), ClassNames(metadata.synsets))
    let found = folders.map { labels.index(of: $0) ?? synsets.index(of: $0) }
    let unknown = zip(folders, found).filter { $1 == nil }.map(\.0)
    guard !unknown.isEmpty else { return (.labels, try distinct(found.compactMap(\.self))) }
    throw .unknownFolders(
      unknown, ambiguous: unknown.filter { labels.isAmbiguous($0) }, folders: folders.count,
      classes: classes, names: metadata.labels + metadata.synsets)
  }

  /// Two folders of which one is called like the label of a single logit.
  private func positive() -> [Int]? {
    guard classes == 2, folders.count == 2, metadata.labels.count == 1 else { return nil }
    let known = ClassNames(metadata.labels)
    switch (known.index(of: folders[0]), known.index(of: folders[1])) {
    case (nil, .some): return [0, 1]
    case (.some, nil): return [1, 0]
    default: return nil
    }
  }

  private func sorted() throws(EvaluationError) -> [Int] {
    guard folders.count == classes else {
      throw .otherClasses(folders: folders.count, classes: classes)
    }
    return Array(folders.indices)
  }

  private func numbers() throws(EvaluationError) -> [Int] {
    let values = folders.map(Self.number)
    guard let index = values.firstIndex(where: { $0.map { $0 >= classes } ?? true }) else {
      return try distinct(values.compactMap(\.self))
    }
    throw .notANumber(folder: folders[index], classes: classes)
  }

  private func distinct(_ logits: [Int]) throws(EvaluationError) -> [Int] {
    var first: [Int: String] = [:]
    for (folder, logit) in zip(folders, logits) {
      if let other = first.updateValue(folder, forKey: logit) {
        throw .sameClass(other, folder, index: logit)
      }
    }
    return logits
  }

  /// The number that `folder` is called, leading zeros allowed.
  private static func number(_ folder: String) -> Int? {
    folder.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(folder) : nil
  }
}
