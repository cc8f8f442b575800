// One import is all that a user of the product needs: this suite has no other of this package but its own support.
import FixresCompilerFoundation
import Foundation
import TestSupport
import Testing

@Suite struct ProductTests {
  private static let model = TestData.root + "/Models/resnet18w32-imagenette-r112.bin"
  private static let picture = TestData.root + "/Models/sample/golf-ball.jpg"

  @Test func foundationHasTheSentences() throws {
    let missing = URL(fileURLWithPath: TestData.root + "/no-such-model.bin")
    let thrown = #expect(throws: ClassifierError.self) { try Classifier(contentsOf: missing) }
    let error = try #require(thrown as (any Error)?)
    #expect(error.localizedDescription == missing.path + ": no such file or folder")
    let errors: [any Error] = [
      ReadError.truncated(offset: 1, expected: 2, found: 1), NpyError.notNpy,
      TypeFault.channels(expected: 3, found: 1),
      IRError.unknownValue("x"), ModelFileFault.missing, ImageError.otherFormat(name: "GIF"),
      RuntimeError.missingOutput(name: "logits"), ClassifierError.cancelled,
      ArchitectureError.nothingToOverlay(path: "a.pth", found: []), PassError.repeatedPass(name: "adapt"),
      MethodError.noFeatures, ReferenceFault.notFinite(path: "x.npy"), TrainingStateFault.notAState,
    ]
    for error in errors { #expect(error.localizedDescription == "\(error)") }
  }

  @Test func dataAndURLsAreInputs() async throws {
    let classifier = try await Classifier(contentsOf: URL(fileURLWithPath: Self.model))
    let url = URL(fileURLWithPath: Self.picture)
    let fromFile = try await classifier.classify(.file(url))
    let fromData = try await classifier.classify(.encoded(Data(contentsOf: url)))
    #expect(fromFile == fromData && fromFile.top(1).first?.label == "golf ball")
  }

  @Test func theCompilerTakesOneImport() throws {
    let folder = try TemporaryFolder()
    let imported = try Import(TestData.fixture("architectures/torchvision-basic/model.pth")).run()
    #expect(imported.architecture == "resnet10w6" && !imported.assumed.isEmpty)
    var options = AdaptationOptions()
    options.resolution = Extent(square: 96)
    let adapted = try Adaptation(imported.model, options: options).run()
    #expect(adapted.proof?.holds == true && adapted.model.graph.resolution == Extent(square: 96))
    try ModelFile.write(adapted.model, to: folder.path + "/m.bin")
    #expect(try ModelFile.open(folder.path + "/m.bin") == adapted.model)
  }

  @Test func modelsAreMeasured() throws {
    let folder = try TemporaryFolder()
    let path = folder.makeFolder("golf ball") + "/1.jpg"
    try FileManager.default.copyItem(atPath: Self.picture, toPath: path)
    let model = try ModelFile.open(Self.model)
    let pictures = try LabelledPictures(folder.path, for: model)
    #expect(pictures.count == 1 && pictures.matching?.rule == .labels)
    let evaluation = try Evaluation.run(model, over: pictures)
    #expect(evaluation.images == 1 && evaluation.top1 == 1 && evaluation.failures.count == 0)
    let sweep = try ResolutionSweep.run(model, over: pictures, resolutions: [128])
    #expect(sweep.rows.map(\.resolution) == [112, 128] && sweep.rows[0].score.loss == evaluation.loss)
    #expect(sweep.rows.allSatisfy { $0.milliseconds > 0 && $0.milliseconds.isFinite })
    let below = try LabelledPictures(below: folder.path)
    #expect(try ActivationStatistics.run(model, over: below).images == 1)
    #expect(throws: MethodError.evaluation(.unlabelled(path: folder.path))) {
      try Evaluation.run(model, over: below)
    }
    _ = folder.makeFolder("gulf ball")
    #expect(throws: MethodError.self) { try LabelledPictures(folder.path, for: model) }
  }

  /// Pictures of other classes would be compared with other logits, or with memory beyond them.
  @Test func picturesOfAnotherModelAreRefused() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b", "c"] { _ = folder.makeFolder(name) }
    for name in ["a/golf ball", "a/tench", "b/tench", "c/golf ball", "c/cat"] {
      let path = folder.makeFolder(name) + "/1.jpg"
      try FileManager.default.copyItem(atPath: Self.picture, toPath: path)
    }
    let small = try Import(TestData.fixture("architectures/torchvision-basic/model.pth")).run().model
    let foreign = try LabelledPictures(folder.path + "/a", for: ModelFile.open(Self.model))
    let own = try LabelledPictures(ownClassesOf: folder.path + "/a")
    let refused = MethodError.evaluation(
      .classesOfAnotherModel(path: foreign.path, expected: 10, found: 10))
    #expect(throws: refused) { try Evaluation.run(small, over: foreign) }
    #expect(throws: MethodError.self) { try Evaluation.run(small, over: own) }
    #expect(throws: MethodError.self) { try ResolutionSweep.run(small, over: own, resolutions: [64]) }
    #expect(try ActivationStatistics.run(small, over: own, at: Extent(square: 32)).images == 2)

    var options = FineTuningOptions(resolution: Extent(square: 32))
    (options.schedule.epochs, options.schedule.batchSize) = (1, 2)
    let below = try LabelledPictures(below: folder.path + "/a")
    func tune(_ training: LabelledPictures, _ validation: LabelledPictures? = nil) throws {
      _ = try FineTuning(small, training: training, validation: validation, options: options).run()
    }
    for training in [foreign, own, below] { #expect(throws: MethodError.self) { try tune(training) } }
    options.newHead = own.folderNames.reversed()
    #expect(throws: MethodError.self) { try tune(own) }
    options.newHead = []
    #expect(throws: MethodError.self) { try tune(below) }
    options.newHead = own.folderNames
    let shifted = try LabelledPictures(ownClassesOf: folder.path + "/b")
    #expect(throws: MethodError.self) { try tune(own, shifted) }
    #expect(throws: MethodError.self) { try LabelledPictures(folder.path + "/c", classesOf: own) }
    try tune(own, LabelledPictures(folder.path + "/b", classesOf: own))
    options.schedule.batchSize = 0
    #expect(throws: MethodError.schedule(name: "batchSize", expected: "1 or more", found: "0")) {
      try tune(own)
    }
  }

  @Test func cancelledWorkEnds() async throws {
    let folder = try TemporaryFolder()
    for name in ["one", "two"] {
      let path = folder.makeFolder(name) + "/1.jpg"
      try FileManager.default.copyItem(atPath: Self.picture, toPath: path)
    }
    let model = try Import(TestData.fixture("architectures/torchvision-basic/model.pth")).run().model
    let pictures = try LabelledPictures(ownClassesOf: folder.path)
    var options = FineTuningOptions(resolution: Extent(square: 32))
    options.newHead = pictures.folderNames
    (options.schedule.epochs, options.schedule.batchSize) = (1000, 2)
    let training = Task { [options] in
      var epochs = 0
      let tuning = FineTuning(model, training: pictures, options: options) { phase, done, _ in
        guard phase == "epochs" else { return }
        epochs = done
        if done == 2 { withUnsafeCurrentTask { $0?.cancel() } }
      }
      let thrown = #expect(throws: MethodError.self) { try tuning.run() }
      #expect(thrown == .runtime(.cancelled) && epochs == 2)
      let statistics = #expect(throws: MethodError.self) {
        try ActivationStatistics.run(model, over: pictures)
      }
      #expect(statistics == .runtime(.cancelled))
      let adaptation = #expect(throws: MethodError.self) { try Adaptation(model).run() }
      #expect(adaptation == .runtime(.cancelled))
    }
    await training.value
    #expect(try Adaptation(model).run().proof?.holds == true)
  }

  @Test func modelsAreFineTuned() throws {
    let folder = try TemporaryFolder()
    for name in ["one", "two"] {
      let path = folder.makeFolder(name) + "/1.jpg"
      try FileManager.default.copyItem(atPath: Self.picture, toPath: path)
    }
    let imported = try Import(TestData.fixture("architectures/torchvision-basic/model.pth")).run()
    let pictures = try LabelledPictures(ownClassesOf: folder.path)
    var options = FineTuningOptions(resolution: Extent(square: 64))
    options.newHead = pictures.folderNames
    (options.schedule.epochs, options.schedule.batchSize) = (2, 2)
    let result = try FineTuning(imported.model, training: pictures, options: options).run()
    #expect(result.epochs.count == 2 && result.hasNewHead)
    #expect(result.model.metadata.labels == ["one", "two"])
  }
}
