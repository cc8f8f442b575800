import FixresBase
import FixresIR
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// Folders that leave a doubt about their classes are an error; what is matched is right.
@Suite struct ClassMatchingTests {
  private func metadata(_ labels: [String] = [], _ synsets: [String] = []) -> ModelMetadata {
    ModelMetadata(architecture: "", labels: labels, synsets: synsets)
  }

  private func match(
    _ folders: [String], _ labels: [String] = [], _ synsets: [String] = [], classes: Int,
    choice: ClassMatching.Choice = .init()
  ) throws -> ClassMatching {
    try ClassMatching(folders, metadata(labels, synsets), classCount: classes, choice: choice)
  }

  private func refusal(
    _ folders: [String], _ labels: [String] = [], classes: Int, _ choice: ClassMatching.Choice = .init()
  ) -> EvaluationError? {
    do throws(EvaluationError) {
      _ = try ClassMatching(folders, metadata(labels), classCount: classes, choice: choice)
      return nil
    } catch {
      return error
    }
  }

  // MARK: - Names

  @Test func namesAndSynsetsAreMatchedWhateverTheirOrder() throws {
    let (labels, synsets) = (["Gas pump", "church", "tench"], ["n3", "n2", "n1"])
    let byLabel = try match(["church", "gas_pump"], labels, synsets, classes: 3)
    #expect(byLabel.rule == .labels && byLabel.logits == [1, 0] && byLabel.reading.competing == nil)
    let bySynset = try match(["n1", "n2", "n3"], labels, synsets, classes: 3)
    #expect(bySynset.rule == .synsets && bySynset.logits == [2, 1, 0])
    #expect(try match(["church", "n3", "tench"], labels, synsets, classes: 3).logits == [1, 0, 2])
    let synonyms = try match(
      ["maillot", "tank suit", "tench"], ["tench, Tinca tinca", "maillot", "maillot, tank suit"], classes: 3)
    // `maillot` is the whole name of one class, and a part of another's.
    #expect(synonyms.logits == [1, 2, 0])
  }

  @Test func namesAreComparedByTheirBytes() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let folders = [decomposed, composed]
    #expect(composed == decomposed && composed.utf8.count != decomposed.utf8.count)
    let matching = try match(folders, [composed, decomposed], classes: 2)
    #expect(matching.rule == .labels && matching.logits == [1, 0])
    guard case .unknownFolders(let unknown, _, _, _, _) = refusal(folders, [composed, "tea"], classes: 2)
    else {
      Issue.record("a folder of another normal form is no class of the model")
      return
    }
    #expect(unknown.map { Array($0.utf8) } == [Array(decomposed.utf8)])
  }

  @Test func misspeltAndUnknownFoldersAreNamed() throws {
    let labels = ["cassette player", "church", "tench"]
    for folders in [
      ["cassette_player", "churches", "tench"], ["churches", "tench"], ["a", "churches", "tench", "x"],
    ] {
      guard
        case .unknownFolders(let unknown, _, folders.count, 3, labels)? = refusal(folders, labels, classes: 3)
      else {
        Issue.record("\(folders): \(String(describing: refusal(folders, labels, classes: 3)))")
        continue
      }
      #expect(unknown == folders.filter { !["cassette_player", "tench"].contains($0) })
    }
  }

  @Test func aNameOfSeveralClassesIsRefused() throws {
    let labels = ["crane", "crane", "dog"]
    guard
      case .unknownFolders(["crane"], ambiguous: ["crane"], 2, 3, _)? = refusal(
        ["crane", "dog"], labels, classes: 3)
    else {
      Issue.record("a folder that may be either of two classes was taken")
      return
    }
    #expect(try match(["dog"], labels, classes: 3).logits == [2])
    #expect(refusal(["a b", "a_b"], ["a b", "x"], classes: 2) == .sameClass("a b", "a_b", index: 0))
  }

  // MARK: - Order and numbers

  @Test func withoutNamesFoldersMustBeAsManyAsClasses() throws {
    #expect(try match(["a", "b", "c"], classes: 3).logits == [0, 1, 2])
    for count in [1, 2, 4, 10] {
      let folders = (0..<count).map { "n0\($0)" }
      #expect(refusal(folders, classes: 3) == .otherClasses(folders: count, classes: 3), "\(count)")
    }
    #expect(refusal(["a", "b"], ["x", "y"], classes: 2) != nil, "names are known, and these are others")
  }

  /// In byte-wise order 10 comes before 2: where that matters, nobody can tell what was meant.
  @Test func numbersAreMatchedWhereTheyAreNoPuzzle() throws {
    let ten = (0..<10).map(String.init)
    #expect(try match(ten, classes: 10).rule == .numbers)
    let padded = (0..<12).map { $0 < 10 ? "0\($0)" : "\($0)" }
    #expect(try match(padded, classes: 12).logits == Array(0..<12))
    let twelve = (0..<12).map(String.init).sorted()
    #expect(refusal(twelve, classes: 12) == .numberedFolders(12, classes: 12))
    #expect(refusal(ten, classes: 12) == .numberedFolders(10, classes: 12), "a subset")
    #expect(refusal((1...12).map(String.init).sorted(), classes: 12) == .numberedFolders(12, classes: 12))
    #expect(try match(["1", "2", "3"], classes: 3).logits == [0, 1, 2], "either order gives this")
    var choice = ClassMatching.Choice()
    choice.order = .numbers
    #expect(try match(twelve, classes: 12, choice: choice).logits == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(try match(["10", "3"], classes: 12, choice: choice).logits == [10, 3])
    #expect(refusal(["12", "3"], classes: 12, choice) == .notANumber(folder: "12", classes: 12))
    #expect(refusal(["1", "01"], classes: 12, choice) == .sameClass("1", "01", index: 1))
    choice.order = .sorted
    #expect(try match(twelve, classes: 12, choice: choice).logits == Array(0..<12))
    #expect(try match(["a", "b"], ["x", "y"], classes: 2, choice: choice).rule == .order)
    #expect(refusal(["a"], ["x", "y"], classes: 2, choice) == .otherClasses(folders: 1, classes: 2))
    // Labels that are digits are names like others.
    #expect(try match(["0", "1", "2"], ["2", "0", "1"], classes: 3).logits == [1, 2, 0])
  }

  @Test func aSubsetOfNamedClassesCompetesAlone() throws {
    var choice = ClassMatching.Choice()
    choice.isSubset = true
    let matching = try match(["dog", "ant"], ["ant", "bee", "cat", "dog"], classes: 4, choice: choice)
    #expect(matching.reading.competing == [0, 3] && matching.logits == [3, 0])
    let row: [Float] = [1, 9, 5, 2]
    row.withUnsafeBufferPointer {
      #expect(matching.reading.rank(of: 3, in: $0) == 0 && matching.reading.rank(of: 0, in: $0) == 1)
      #expect(abs(matching.reading.loss(of: 3, in: $0) - 0.31326168751822286) < 1e-12, "-log sigmoid(2 - 1)")
      #expect(matching.reading.unrestricted.rank(of: 3, in: $0) == 2)
      #expect(abs(matching.reading.probabilities($0)[1] - 0.7310585786300049) < 1e-12)
    }
    #expect(refusal(["a", "b", "c"], classes: 3, choice) == .subsetWithoutNames(classes: 3))
    #expect(refusal(["a", "b"], classes: 3, choice) == .otherClasses(folders: 2, classes: 3))
  }

  // MARK: - Files

  private func table(_ text: String, _ folders: [String], _ labels: [String] = [], classes: Int) throws
    -> [Int]
  {
    let folder = try TemporaryFolder()
    let path = folder.path + "/classes"
    try AtomicFileWriter.write(Array(text.utf8), to: path)
    var choice = ClassMatching.Choice()
    choice.table = try ClassTable(path: path)
    return try match(folders, labels, classes: classes, choice: choice).logits
  }

  @Test(arguments: [
    #"{"0": ["n01440764", "tench"], "1": ["n02", "bee"], "2": ["n03", "dog"]}"#,
    #"{"2": "dog", "0": "tench"}"#, #"{"id2label": {"0": "tench", "1": "bee", "2": "dog"}}"#,
    #"{"tench": 0, "dog": 2}"#, #"["tench", "bee", "dog"]"#, #"[["tench"], ["bee"], ["dog", "hound"]]"#,
    "tench 0\ndog 2\n", "dog\t2\r\ntench\t0\r\n", "dog,2\ntench,0", "0 tench\n2 dog",
    "2: dog\n".replacing(": ", with: "\t") + "0\ttench",
    "tench\nbee\ndog\n", "n01440764 tench, Tinca tinca\nn01443537 bee\nn02102040 dog, hound",
    "\u{FEFF}tench, a fish\nbee\ndog, hound",
  ])
  func filesSayWhichFolderIsWhichClass(_ text: String) throws {
    #expect(try table(text, ["dog", "tench"], classes: 3) == [2, 0], "\(text)")
  }

  @Test func filesMayNameLabels() throws {
    #expect(try table("n1 gas pump\nn2\tdog\n", ["n1", "n2"], ["dog", "gas pump"], classes: 2) == [1, 0])
    #expect(try table("class 0\nclass 1\nclass 2", ["class 2", "class 0"], classes: 3) == [2, 0])
    #expect(try table("n01440764 tench\nn01443537 goldfish", ["n01443537"], classes: 2) == [1])
  }

  @Test(arguments: [
    ("tench 0\n", "none for"), ("tench 0\ndog 3\n", "on each line"), ("a\nb\n", "on each line"),
    ("", "on each line"),
    (#"{"0": 1.5}"#, "other JSON"), (#"["tench", "dog"]"#, "on each line"), ("3", "other JSON"),
    ("tench 0\ntench 1\ndog 2", "none for"), ("dog 2\ntench 2", "one folder for each class"),
    ("\u{0}", "other bytes"),
  ])
  func otherFilesAreRefused(_ text: String, _ reason: String) throws {
    do {
      let classes = try table(text, ["dog", "tench"], classes: 3)
      Issue.record("\(text): \(classes)")
    } catch {
      #expect("\(error)".contains(reason), "\(text): \(error)")
    }
  }

  @Test func aFileOfTwoMeaningsIsRefused() throws {
    do {
      // Folder and class, or class and folder.
      _ = try table("0 1\n1 2\n2 0\n", ["0", "1"], classes: 3)
      Issue.record("expected an error")
    } catch EvaluationError.table(_, .ambiguous(folder: "0", first: 1, second: 2)) {
    }
  }

  // MARK: - One logit

  @Test func oneLogitTellsTwoClasses() throws {
    let matching = try match(["0_real", "1_fake"], classes: 1)
    #expect(matching.reading.function == .sigmoidOfOne && matching.logits == [0, 1])
    for score: Float in [-2, 0, 0.5] {
      [score].withUnsafeBufferPointer {
        #expect(matching.reading.rank(of: 1, in: $0) == (score > 0 ? 0 : 1))
        #expect(matching.reading.rank(of: 0, in: $0) == (score > 0 ? 1 : 0))
      }
    }
    [Float(0.3)].withUnsafeBufferPointer {
      #expect(abs(matching.reading.probabilities($0)[0] - 0.574442516811659) < 1e-7)
      #expect(abs(matching.reading.loss(of: 1, in: $0) - 0.5543552) < 1e-6, "-log sigmoid(0.3)")
      #expect(abs(matching.reading.loss(of: 0, in: $0) - 0.8543552) < 1e-6, "-log(1 - sigmoid(0.3))")
    }
    [Float.nan].withUnsafeBufferPointer { #expect(matching.reading.rank(of: 0, in: $0) == 1) }
    #expect(
      try match(["fake", "real"], ["fake"], classes: 1).logits == [1, 0], "the label is that of class 1")
    #expect(refusal(["a", "b", "c"], classes: 1) == .otherClasses(folders: 3, classes: 2))
    #expect(refusal(["a"], classes: 1) == .otherClasses(folders: 1, classes: 2))
  }

  @Test func sigmoidsOfEachAreNotASoftmax() {
    let reading = ScoreReading(.sigmoid, logitCount: 3)
    let row: [Float] = [4.4364, 0.6161, -1.6739]
    row.withUnsafeBufferPointer {
      let found = reading.probabilities($0)
      for (a, b) in zip(found, [0.9883, 0.64934, 0.15793]) { #expect(abs(a - b) < 1e-4) }
      #expect(reading.rank(of: 1, in: $0) == 1)
      // The mean of -log(1 - p0), -log p1, -log(1 - p2).
      #expect(abs(reading.loss(of: 1, in: $0) - (4.44817 + 0.43181 + 0.17190) / 3) < 1e-3)
      let back = reading.scores(ofProbabilities: found)
      for (a, b) in zip(back, row) { #expect(abs(a - b) < 1e-5) }
    }
    #expect(ScoreReading(.softmax, logitCount: 1).function == .softmax)
    #expect(ScoreReading(.logits, logitCount: 2).function == .softmax)
  }
}
