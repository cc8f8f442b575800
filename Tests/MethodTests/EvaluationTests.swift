import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

private func rank(_ label: Int, _ logits: [Float]) -> Int {
  logits.withUnsafeBufferPointer { ScoreReading.rank(of: label, in: $0) }
}

@Suite struct EvaluationTests {
  @Test func ranksCountWhatComesBefore() {
    #expect(rank(0, [3, 2, 1]) == 0 && rank(2, [3, 2, 1]) == 2)
    #expect(
      rank(0, [1, 1, 1]) == 0 && rank(2, [1, 1, 1]) == 2, "of equal logits the lower index comes first")
    #expect(rank(0, [.nan, 1]) == 2 && rank(0, [1, .nan]) == 1, "NaN never makes an answer right")
  }

  @Test func crossEntropyIsStable() {
    func loss(_ label: Int, _ logits: [Float]) -> Double {
      logits.withUnsafeBufferPointer { ScoreReading.crossEntropy(of: label, in: $0) }
    }
    // log(e^1 + e^2 + e^3) - 2
    #expect(abs(loss(1, [1, 2, 3]) - 1.4076059644443804) < 1e-12)
    #expect(loss(0, [10_000, 0]) == 0)
    #expect(loss(1, [10_000, 0]) == 10_000)
    let shares = [1000, 1001].map(Float.init).withUnsafeBufferPointer { ScoreReading.softmax($0) }
    #expect(abs(shares[1] - 0.7310585786300049) < 1e-12)
  }

  @Test func countsTopOneAndTopFive() {
    var result = Evaluation(ScoreReading(.logits, logitCount: 6))
    let logits: [Float] = [6, 5, 4, 3, 2, 1]
    for label in 0..<6 { logits.withUnsafeBufferPointer { result.count($0, label) } }
    #expect(result.images == 6 && result.top1Count == 1 && result.top5Count == 5)
    #expect(abs(result.top5 - 5.0 / 6) < 1e-15)
  }

  @Test func limitsSpreadOverAllClasses() {
    let entries = (0..<100).map { ImageFolder.Entry(path: "\($0)", classIndex: $0 / 10) }
    let chosen = Evaluation.selection(of: entries, limit: 20)
    #expect(chosen.count == 20 && Set(chosen.map(\.path)).count == 20)
    #expect((0..<10).allSatisfy { index in chosen.count { $0.classIndex == index } == 2 })
    #expect(Evaluation.selection(of: entries, limit: nil).count == 100)
    #expect(Evaluation.selection(of: entries, limit: 1000).count == 100)
  }

  @Test func countsPicturesThatFailToDecode() throws {
    let data = try PictureFolder(classes: 3, perClass: 5)
    try AtomicFileWriter.write(Array("P6 9 9 255\n".utf8), to: data.folder.path + "/class 1/broken.ppm")
    let model = try SmallModel.residual(side: 16, classes: 3)
    let session = try Session(model: model)
    let folder = try ImageFolder(path: data.folder.path)
    let matching = try ClassMatching(folder.classes, model.metadata, classCount: 3)
    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: Extent(square: 16))
    var seen: [Int] = []
    let result = try Evaluation.run(
      session, over: LabelledPictures(folder, matching), preprocessor: preprocessor
    ) {
      done, _ in
      seen.append(done)
    }
    #expect(result.images == 15 && result.failures.count == 1)
    #expect(result.failures.first?.path.hasSuffix("class 1/broken.ppm") == true)
    #expect(seen.last == 16)

    // One by one, without the stream: the same figures.
    var expected = Evaluation(matching.reading)
    for entry in folder.entries where !entry.path.hasSuffix("broken.ppm") {
      let picture = try preprocessor.picture(from: try MappedFile.open(entry.path))
      let logits = try session.run(preprocessor.input(from: picture)).logits
      logits.withUnsafeBufferPointer { expected.count($0, matching.logits[entry.classIndex]) }
    }
    #expect(result.top1 == expected.top1 && result.top5 == expected.top5 && result.loss == expected.loss)
  }

  @Test func aFolderOfBrokenPicturesIsAnError() throws {
    let folder = try TemporaryFolder()
    let path = folder.makeFolder("a")
    for index in 0..<20 { try AtomicFileWriter.write(Array("P6".utf8), to: "\(path)/\(index).ppm") }
    let model = try SmallModel.residual(side: 16, classes: 3)
    let images = try ImageFolder(path: folder.path)
    let session = try Session(model: model)
    let matching = try ClassMatching(["class 1"], model.metadata, classCount: 3)
    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: Extent(square: 16))
    #expect(throws: MethodError.self) {
      try Evaluation.run(session, over: LabelledPictures(images, matching), preprocessor: preprocessor)
    }
  }
}
