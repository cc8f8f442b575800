import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

/// What real exporters and hand-made converters write; Fixtures/onnx/make_fixtures.py made the files.
@Suite struct OnnxImportTests {
  static let files = [
    "fill.onnx", "half.onnx", "keras-decomposed.onnx", "keras.onnx", "torch-new-inside.onnx",
    "torch-new.onnx",
    "torch-old-eval.onnx", "torch-old-fixed.onnx", "torch-old-norms.onnx", "torch-old-squeeze.onnx",
    "torch-old-view.onnx", "zoo-ir3-opset3.onnx", "zoo-ir3-opset8.onnx",
  ]

  static func model(_ name: String) throws -> Model {
    try Importer.load(path: TestData.fixture("onnx/" + name)).model
  }

  static func mnemonics(_ model: Model) -> [String] { model.graph.nodes.map(\.op.mnemonic) }

  @Test(arguments: files) func everyFormBecomesAResNet(_ name: String) throws {
    let model = try Self.model(name)
    let ends = Self.mnemonics(model).suffix(2)
    #expect(Array(ends) == ["flatten", "linear"])
    #expect(model.classCount == 5)
    #expect(model.graph.imageInput?.type == .image(3, 32, 32))
    #expect(model.graph.output(GraphOutput.features) != nil)
  }

  @Test func layoutAndShapeNodesLeaveNoTrace() throws {
    let trunk = ["conv2d", "batchNorm", "relu", "maxPool"]
    let model = try Self.model("keras.onnx")
    #expect(Array(Self.mnemonics(model).prefix(4)) == trunk)
    #expect(Self.mnemonics(model).suffix(3).first == "globalAveragePool")
    guard case .conv2d(let stem) = model.graph.nodes[0].op else {
      Issue.record("the first node is no convolution")
      return
    }
    #expect(stem.padding == Padding(3))
    guard case .maxPool(let pool) = model.graph.nodes[3].op else {
      Issue.record("the fourth node is no pool")
      return
    }
    #expect(pool.window.padding == Padding(1))
  }

  @Test func batchNormsStayUnfolded() throws {
    let model = try Self.model("torch-old-norms.onnx")
    #expect(Self.mnemonics(model).count { $0 == "batchNorm" } == 9)
    #expect(model.constants["layer2.0.bn3.running_var"]?.shape == [16])
    guard case .batchNorm(let norm) = model.graph.nodes[1].op else {
      Issue.record("the second node is no batch norm")
      return
    }
    // The decimal, not the float beside it.
    #expect(norm.epsilon == 1e-5)
  }

  /// torch's names survive an export that does not optimise: the file goes back to PyTorch.
  @Test func unoptimisedExportsKeepTorchsParameters() throws {
    let model = try Self.model("torch-new-norms.onnx")
    #expect(Self.mnemonics(model).count { $0 == "batchNorm" } == 6)
    #expect(!model.graph.constants.contains { model.graph[$0].name.hasPrefix("val_") })
    let folder = try TemporaryFolder()
    let path = folder.path + "/out.safetensors"
    #expect(throws: Never.self) { try SafeTensorsExporter.write(model, to: path) }
  }

  @Test func weightsKeepTheirNumbers() throws {
    let (inside, outside) = (try Self.model("torch-new-inside.onnx"), try Self.model("torch-new.onnx"))
    #expect(inside.constants["fc.weight"]?.shape == [5, 8])
    #expect(outside.constants["fc.weight"]?.shape == [5, 8])
    let filled = try Self.model("fill.onnx")
    #expect(filled.constants["w"]?.floats == [Float](repeating: 0.02, count: 108))
    #expect(filled.constants["pred_bias"]?.floats == [0.5, 1.5, -2.0, 0.25, 0.0])
    #expect(filled.constants["bias"]?.floats == [0.5, -0.25, 0.125, 0.0])
  }

  @Test func whatIsAssumedIsSaid() throws {
    let result = try Importer.load(path: TestData.fixture("onnx/keras.onnx"))
    #expect(result.assumed.contains { $0.contains("trained at 32") })
    #expect(result.assumed.contains { $0.contains("mean 0.485") })
    #expect(result.assumed.contains { $0.contains("SAME padding") })
    var options = ImportOptions()
    options.architecture = "resnet18"
    #expect(throws: FormatError.self) {
      try Importer.load(path: TestData.fixture("onnx/keras.onnx"), options: options)
    }
  }

  /// ONNX to a model and back as often as one likes: nothing is lost and nothing is made up.
  @Test(arguments: files) func aRoundTripGivesTheSameGraph(_ name: String) throws {
    let folder = try TemporaryFolder()
    let first = try Self.model(name)
    try ModelFile.write(first, to: folder.path + "/a.bin")
    let path = folder.path + "/b.onnx"
    _ = try OnnxExporter.write(try ModelFile.open(folder.path + "/a.bin"), to: path)
    let second = try Importer.load(path: path).model
    #expect(GraphPrinter.text(of: second.graph) == GraphPrinter.text(of: first.graph))
    #expect(second.graph == first.graph)
    #expect(second.constants == first.constants)
    #expect(second.metadata.preprocessing == first.metadata.preprocessing)
    #expect(second.metadata.history.count == first.metadata.history.count + 1)
  }

  @Test func anyFieldOrderIsRecognised() throws {
    let folder = try TemporaryFolder()
    let plain = OnnxSketch().bytes
    #expect(try OnnxSketch.failure(plain, in: folder) == nil)
    // ir_version last: the graph's field comes first.
    #expect(try OnnxSketch.failure(Array(plain[2...]) + plain[..<2], in: folder) == nil)
    // Unknown fields of every wire type are passed over.
    let odd = OnnxMessage(bytes: plain).number(9999, 7).data(9998, [1, 2, 3]).bytes
    #expect(try OnnxSketch.failure(odd + [0xB9, 0x60] + [UInt8](repeating: 7, count: 8), in: folder) == nil)
  }

  @Test func weightsOfAnyShapeOfRowAreRead() throws {
    var sketch = OnnxSketch()
    sketch.nodes[3] = OnnxSketch.node("MatMul", ["f", "v"], "out")
    sketch.tensors[1] = OnnxSketch.tensor("v", [2, 4])
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(sketch.bytes, to: folder.path + "/m.onnx")
    let model = try Importer.load(path: folder.path + "/m.onnx").model
    // [2, 4] row by row is 0.5 ... 4; each class takes a column.
    #expect(model.constants["v"]?.floats == [0.5, 2.5, 1, 3, 1.5, 3.5, 2, 4])
  }
}

/// Checkpoints of torchvision's names go back to PyTorch, and only those whose batch norms are whole.
@Suite struct SafeTensorsExportTests {
  @Test func unfoldedWeightsReadBackEqual() throws {
    let folder = try TemporaryFolder()
    let model = try Importer.load(path: TestData.fixture("architectures/torchvision-basic/model.pth")).model
    let path = folder.path + "/out.safetensors"
    let written = try SafeTensorsExporter.write(model, to: path)
    #expect(written.tensors == model.graph.constants.count)
    let again = try Importer.load(path: path).model
    #expect(again.constants == model.constants)
    #expect(again.graph == model.graph)
  }

  @Test func foldedAndForeignNetworksAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/out.safetensors"
    let folded = try OnnxImportTests.model("torch-old-eval.onnx")
    #expect(throws: SafeTensorsExporter.Refusal.folded(convolutions: 6)) {
      try SafeTensorsExporter.write(folded, to: path)
    }
    let foreign = try OnnxImportTests.model("keras.onnx")
    do {
      _ = try SafeTensorsExporter.write(foreign, to: path)
      Issue.record("foreign names were written")
    } catch {
      guard case .names = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(folder.names.isEmpty)
  }
}
