import FixresBase
import FixresFormats
import FixresIR
import FixresMethod
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// `Import` gives what `fixresc import` writes.
@Suite struct ImportCallTests {
  private let folder: TemporaryFolder
  private let checkpoint = TestData.fixture("architectures/torchvision-basic/model.pth")

  init() throws { folder = try TemporaryFolder() }

  private func bytes(of model: Model) throws -> [UInt8] {
    let path = folder.path + "/called.bin"
    try ModelFile.write(model, to: path)
    return try MappedFile.open(path).array
  }

  private func commanded(_ words: String...) throws -> [UInt8] {
    let path = folder.path + "/commanded.bin"
    let call = Call(["import"] + words + ["-o", path])
    #expect(call.status == 0, "\(call.error)")
    return try MappedFile.open(path).array
  }

  @Test(arguments: [
    "architectures/torchvision-basic/model.pth", "architectures/cifar-option-a/model.pth",
    "releases/0.1.0/finetuned.bin",
  ])
  func filesGiveTheBytesOfTheCommand(_ name: String) throws {
    let path = TestData.fixture(name)
    let imported = try Import(path).run()
    #expect(try bytes(of: imported.model) == commanded(path), "\(name)")
    let fromBytes = try Import(MappedFile.open(path), path: path).run()
    #expect(fromBytes.model == imported.model && fromBytes.assumed == imported.assumed)
  }

  @Test func optionsAreThoseOfTheCommand() throws {
    var options = ImportOptions()
    try options.state("activation=silu")
    options.trainResolution = Extent(48, 56)
    options.preset = .timm
    options.mean = [0.5, 0.25, 0.125]
    let imported = try Import(checkpoint, options: options).run()
    #expect(imported.architecture == "resnet10w6" && imported.parameters > 0)
    #expect(!imported.assumed.isEmpty && !imported.assumed.contains { $0.contains("activation") })
    #expect(
      try bytes(of: imported.model)
        == commanded(
          checkpoint, "--network", "activation=silu", "--train-resolution", "48x56", "--preprocess", "timm",
          "--mean", "0.5,0.25,0.125"))
    #expect(throws: ArchitectureError.self) { try options.state("activatoin=silu") }
  }

  @Test func referencesSettleFromFilesAndFromMemory() throws {
    var options = ImportOptions()
    try options.state("activation=silu")
    let network = try Import(checkpoint, options: options).run().model
    let input = try NoiseInput.make(for: network.graph)
    let shape = [1] + (network.graph.imageInput?.type.dims ?? [])
    let logits = try Session(model: network).run(input).logits
    let (inputPath, outputPath) = (folder.path + "/in.npy", folder.path + "/out.npy")
    try Npy.write(input, shape: shape, to: inputPath)
    try Npy.write(logits, shape: [1, logits.count], to: outputPath)

    var source = Import(checkpoint)
    source.references = [.files(input: inputPath, outputs: outputPath)]
    let imported = try source.run()
    #expect(imported.settled == ["activation=silu"])
    #expect(imported.model.metadata.verified?.references == 1)
    #expect(
      try bytes(of: imported.model) == commanded(checkpoint, "--reference", inputPath + ":" + outputPath))

    let pair = ReferencePair(
      name: "in.npy", input: .tensor(Tensor(shape: shape, input)),
      outputs: Tensor(shape: [1, logits.count], logits))
    source.references = [.pair(pair)]
    #expect(try source.run().model == imported.model)
  }

  @Test func pairsInMemoryAreCheckedAsFilesAre() throws {
    let input = Tensor(shape: [1, 3, 32, 32], [Float](repeating: 0.5, count: 3072))
    func fault(_ input: Tensor, _ outputs: Tensor) -> ReferenceFault? {
      var source = Import(checkpoint)
      source.references = [.pair(ReferencePair(name: "pair", input: .tensor(input), outputs: outputs))]
      do {
        _ = try source.run()
        return nil
      } catch {
        if case .reference(let fault) = error { return fault }
        return nil
      }
    }
    let classes = try Import(checkpoint).run().model.classCount
    let row = Tensor(shape: [1, classes], (0..<classes).map { Float($0) })
    #expect(fault(Tensor(shape: [3], [1, 2, 3]), row) == .inputShape(path: "pair", found: [3]))
    #expect(
      fault(input, Tensor(shape: [2, 2], [1, 2, 3, 4]))
        == .outputShape(path: "pair", inputs: 1, found: [2, 2]))
    #expect(fault(input, Tensor(shape: [1, 2], [1, .nan])) == .notFinite(path: "pair"))
    #expect(
      fault(input, Tensor(shape: [1, 2], [1, 2])) == .classes(path: "pair", expected: classes, found: 2))
  }

  @Test func refusalsAreThoseOfTheCommand() throws {
    for path in [folder.path + "/none.pth", TestData.root + "/Package.swift"] {
      let thrown = #expect(throws: MethodError.self) { try Import(path).run() }
      let error = Call("import", path, "-o", folder.path + "/a.bin", "--json").json["error"]
      #expect(error?["message"]?.stringValue == thrown.map { "\($0)" })
      guard case .checkpoint(let fault) = thrown else {
        Issue.record("\(path): \(thrown.map { "\($0)" } ?? "nothing")")
        continue
      }
      #expect(error?["kind"]?.stringValue == fault.kind)
    }
  }
}
