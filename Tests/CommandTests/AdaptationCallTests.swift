import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// `Adaptation` and `ModelComparer` called as a program calls them, beside the commands that use them.
@Suite struct AdaptationCallTests {
  private let folder: TemporaryFolder
  private let pictures: PictureFolder
  private let input: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 2, perClass: 3)
    input = folder.path + "/in.bin"
    try ModelFile.write(try SmallModel.residual(), to: input)
  }

  /// The bytes that `adapt` writes with `words`, and those of a model that `options` give.
  private func expectSameFile(_ words: [String], _ options: AdaptationOptions) throws {
    let (commanded, called) = (folder.path + "/command.bin", folder.path + "/call.bin")
    let call = Call(["adapt", input, "-o", commanded] + words)
    #expect(call.status == 0, "\(call.error)")
    let adapted = try Adaptation(try ModelFile.open(input), options: options).run()
    try ModelFile.write(adapted.model, to: called)
    #expect(try MappedFile.open(commanded).array == MappedFile.open(called).array, "\(words)")
  }

  private func unlabelled() throws -> LabelledPictures {
    let paths = try ImageFolder(path: pictures.folder.path).entries.map(\.path)
    return LabelledPictures(path: pictures.folder.path, unlabelled: paths)
  }

  @Test func givesTheBytesOfTheCommand() throws {
    try expectSameFile([], AdaptationOptions())
    var options = AdaptationOptions()
    options.resolution = Extent(40, 48)
    try expectSameFile(["--to", "40x48"], options)
    options.packs = true
    try expectSameFile(["--to", "40x48", "--pack"], options)
    options = AdaptationOptions()
    options.passes = ["fold-batch-norm"]
    options.session.isExact = true
    try expectSameFile(["--passes", "fold-batch-norm", "--exact"], options)
  }

  @Test func adaptsStatisticsAndFeaturesAsTheCommand() throws {
    var options = AdaptationOptions()
    options.resolution = Extent(square: 48)
    options.batchNorms = .init(pictures: try unlabelled())
    options.batchNorms?.layers = .all
    options.batchNorms?.prior = 2
    let words = [
      "--to", "48", "--bn-statistics", pictures.folder.path, "--bn-layers", "all", "--bn-prior", "2",
    ]
    try expectSameFile(words, options)
    options.featureLaw = .init(pictures: try unlabelled())
    try expectSameFile(words + ["--equalize", pictures.folder.path], options)
    options.featureLaw?.isAbsorbed = true
    try expectSameFile(words + ["--equalize", pictures.folder.path, "--equalize-linear"], options)
    options = AdaptationOptions()
    options.resolution = Extent(square: 48)
    options.usesTestPool = true
    try expectSameFile(["--to", "48", "--test-pool"], options)
  }

  @Test func aProofIsAValue() throws {
    var options = AdaptationOptions()
    options.resolution = Extent(square: 48)
    let adapted = try Adaptation(try SmallModel.residual(), options: options).run()
    let proof = try #require(adapted.proof)
    #expect(proof.holds && proof.resolution == Extent(square: 48) && proof.deviation.magnitude > 0)
    let elsewhere = try #require(adapted.otherProof)
    #expect(elsewhere.holds && elsewhere.resolution == Extent(square: 31))
    #expect(adapted.headProof == nil && adapted.macsAfter > adapted.macsBefore)
    #expect(adapted.passes.first?.name == "retarget-resolution")
    options.proves = false
    #expect(try Adaptation(try SmallModel.residual(), options: options).run().proof == nil)
    // A model of other weights is no rewriting of this one.
    let other = try Adaptation(try SmallModel.residual(seed: 2), options: options).run()
    #expect(!(try Proof(other.model, against: adapted.model).holds))
  }

  @Test func comparesAsTheCommand() throws {
    let fused = folder.path + "/fused.bin"
    #expect(Call("adapt", input, "-o", fused).status == 0)
    let (a, b) = (try ModelFile.open(input), try ModelFile.open(fused))
    let comparison = try ModelComparer(a, b).compare(try NoiseInput.make(for: a.graph), tolerance: 1e-4)
    let layers = Call("compare", input, fused, "--json").json["layers"]?.arrayValue ?? []
    #expect(comparison.layers.map(\.name) == layers.compactMap { $0["name"]?.stringValue })
    #expect(
      comparison.layers.map { JSON($0.deviation.difference) } == layers.map { $0["max_abs_difference"] })
    #expect(comparison.firstDeparture == nil)
    let larger = try SmallModel.residual(side: 48)
    #expect(throws: MethodError.differentInputs("f32[N,3,32,32]", "f32[N,3,48,48]")) {
      try ModelComparer(a, larger)
    }
  }

  // MARK: - Work that is done once

  /// What `words` record; the command must succeed.
  private func work(_ words: String...) -> [WorkTally.Kind: Int] {
    WorkTally.counting {
      let call = Call(words)
      #expect(call.status == 0, "\(words): \(call.error)")
    }
  }

  @Test func runVerifiesPlansAndDetectsOnce() throws {
    let picture = pictures.folder.path + "/class 0/picture 00.ppm"
    let once: [WorkTally.Kind: Int] = [.graphVerification: 1, .memoryPlan: 1, .kindDetection: 1]
    // A single picture is decoded on the thread that asked for it.
    let withPicture = once.merging([.pictureHeader: 1]) { first, _ in first }
    #expect(work("run", input, picture) == withPicture)
    let fused = folder.path + "/fused.bin"
    #expect(Call("adapt", input, "-o", fused).status == 0)
    #expect(work("run", fused, picture) == withPicture)
    #expect(work("inspect", input) == [.graphVerification: 1, .kindDetection: 1])
    #expect(work("bench", fused, "--runs", "1") == once)
  }

  @Test func adaptVerifiesTwiceBesideItsProof() throws {
    let output = folder.path + "/out.bin"
    let both: [WorkTally.Kind: Int] = [.graphVerification: 2, .kindDetection: 1]
    #expect(work("adapt", input, "--to", "48", "-o", output, "--no-proof") == both)
    // The proof retargets the unfolded model, and both to another size, and plans each.
    let proved: [WorkTally.Kind: Int] = [.graphVerification: 5, .memoryPlan: 4, .kindDetection: 1]
    #expect(work("adapt", input, "--to", "48", "-o", folder.path + "/proved.bin") == proved)
    // Nothing is rewritten in a model that has been adapted, so that nothing is verified again.
    #expect(
      work("adapt", output, "-o", folder.path + "/again.bin", "--no-proof") == [
        .graphVerification: 1, .kindDetection: 1,
      ])
  }

  @Test func compareDetectsEachFileOnce() throws {
    let fused = folder.path + "/fused.bin"
    #expect(Call("adapt", input, "-o", fused).status == 0)
    #expect(
      work("compare", input, fused) == [.graphVerification: 2, .memoryPlan: 4, .kindDetection: 2])
  }

  /// The layers are compared in memory of their own; what sharing does shows in the outputs alone.
  @Test func compareRunsWhatARunRuns() throws {
    let model = try ModelFile.open(input)
    let noise = try NoiseInput.make(for: model.graph)
    let comparison = try ModelComparer(model, model).compare(noise, tolerance: 0)
    #expect(comparison.sharedOutputs.map(\.isSecond) == [false, false, true, true])
    #expect(comparison.sharingFault == nil && comparison.firstDeparture == nil)
    let outputs = Call("compare", input, input, "--json").json["outputs"]?.arrayValue ?? []
    #expect(outputs.compactMap { $0["model"]?.stringValue } == ["A", "A", "B", "B"])
    // A ReLU in the place of what is read once more.
    var builder = GraphBuilder(name: "shared")
    let x = try builder.input("input", .image(3, 8, 8))
    let relu = try builder.append(.relu(Relu()), [x], name: "relu")
    let sum = try builder.append(.add(Add()), [relu, x], name: "sum")
    let pooled = try builder.append(.globalAveragePool(GlobalAveragePool()), [sum], name: "pooled")
    let features = try builder.append(.flatten(Flatten()), [pooled], name: "features")
    try builder.output(GraphOutput.features, features)
    let shared = try Model(
      graph: builder.build(), constants: Constants(), metadata: ModelMetadata(architecture: "shared"))
    let picture = try NoiseInput.make(for: shared.graph)
    #expect(try ModelComparer(shared, shared).compare(picture, tolerance: 0).sharingFault == nil)
    var options = SessionOptions()
    options.plantedFault = .eagerSharing
    let comparer = try ModelComparer(shared, shared, options: options)
    let error = #expect(throws: MethodError.self) { _ = try comparer.compare(picture, tolerance: 0) }
    guard case .runtime(.unsoundPlan) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
