import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

/// What real exporters and hand-made converters write; Fixtures/onnx/make_fixtures.py made the files.
@Suite struct OnnxImportTests {
  static let files = [
    "fill.onnx", "half.onnx", "keras-decomposed.onnx", "keras.onnx", "torch-new-inside.onnx",
    "torch-new.onnx", "tf-same.onnx", "tf-same-nchw.onnx", "tf-gate.onnx",
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

  /// HardSwish of opset 14 is an operation of its own, with one input.
  @Test func hardSwishIsRead() throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    sketch.nodes[1] = OnnxSketch.node("GlobalAveragePool", ["h"], "p")
    sketch.nodes.insert(OnnxSketch.node("HardSwish", ["c"], "h"), at: 1)
    let path = folder.path + "/hard-swish.onnx"
    try AtomicFileWriter.write(sketch.bytes, to: path)
    let model = try Importer.load(path: path).model
    #expect(Self.mnemonics(model) == ["conv2d", "hardSwish", "globalAveragePool", "flatten", "linear"])
    sketch.nodes[1] = OnnxSketch.node("HardSwish", ["c", "c"], "h")
    #expect(try sketch.failure(in: folder) != nil)
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
    let baked = try Importer.load(path: TestData.fixture("onnx/tf-same.onnx"))
    #expect(baked.assumed.contains { $0.contains("SAME padding") })
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

  /// auto_pad stays a rule where another size needs other sides, and so does what tf2onnx wrote down of it; Pad nodes
  /// and what came of ZeroPadding2D stay what they are.
  @Test func samePaddingIsARuleAndZeroPaddingIsNot() throws {
    func paddings(_ name: String) throws -> [Padding] {
      try Self.model(name).graph.nodes.compactMap { node -> Padding? in
        if case .conv2d(let op) = node.op { return op.padding }
        if case .pool(let window, _) = node.op.computation { return window.padding }
        return nil
      }
    }
    #expect(
      try paddings("tf-same.onnx").map(\.rule) == [
        .sameUpper, .sameUpper, .fixed, .sameUpper, .fixed, .sameUpper,
      ])
    #expect(try paddings("keras.onnx").contains { $0.rule == .sameUpper })
    #expect(try paddings("tf-gate.onnx").allSatisfy { $0.rule == .fixed })
    #expect(try paddings("tf-gate.onnx").first == Padding(3))
    var sketch = OnnxSketch()
    sketch.tensors[0] = OnnxSketch.tensor("w", [2, 3, 3, 3])
    sketch.nodes[0] = OnnxSketch.node(
      "Conv", ["data", "w"], "c", attributes: [("strides", [2, 2]), ("pads", [0, 0, 1, 1])])
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(sketch.bytes, to: folder.path + "/m.onnx")
    let result = try Importer.load(path: folder.path + "/m.onnx")
    #expect(result.assumed.contains { $0.contains("asymmetric padding") })
    guard case .conv2d(let op) = result.model.graph.nodes[0].op else {
      Issue.record("\(result.model.graph.nodes[0].op) is no convolution")
      return
    }
    #expect(op.padding == Padding(top: 0, left: 0, bottom: 1, right: 1))
  }

  /// Linear layers of a gate are 1x1 convolutions of its pixel, and the classifier stays what it is.
  @Test func gatesOfLinearLayersAreConvolutions() throws {
    let mnemonics = Self.mnemonics(try Self.model("tf-gate.onnx"))
    #expect(mnemonics.filter { $0 == "conv2d" }.count == 4)
    #expect(mnemonics.filter { $0 == "channelMultiply" }.count == 1)
    #expect(mnemonics.filter { $0 == "linear" }.count == 1)
    // As torch writes it: Flatten, Gemm, Relu, Gemm, Sigmoid, Reshape, Expand, the gate as first factor.
    var sketch = OnnxSketch()
    sketch.tensors += [
      OnnxSketch.tensor("a", [1, 2]), OnnxSketch.tensor("b", [2, 1]), OnnxSketch.whole("s", [1, 2, 1, 1]),
    ]
    sketch.nodes[1...1] = [
      OnnxSketch.node("GlobalAveragePool", ["c"], "g"), OnnxSketch.node("Flatten", ["g"], "gf"),
      OnnxSketch.node("Gemm", ["gf", "a"], "g1", attributes: [("transB", [1])]),
      OnnxSketch.node("Relu", ["g1"], "g2"),
      OnnxSketch.node("Gemm", ["g2", "b"], "g3", attributes: [("transB", [1])]),
      OnnxSketch.node("Sigmoid", ["g3"], "g4"),
      OnnxSketch.node("Reshape", ["g4", "s"], "g5"), OnnxSketch.node("Shape", ["c"], "cs"),
      OnnxSketch.node("Expand", ["g5", "cs"], "g6"), OnnxSketch.node("Mul", ["g6", "c"], "m"),
      OnnxSketch.node("GlobalAveragePool", ["m"], "p"),
    ]
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(sketch.bytes, to: folder.path + "/m.onnx")
    let model = try Importer.load(path: folder.path + "/m.onnx").model
    #expect(
      Self.mnemonics(model) == [
        "conv2d", "globalAveragePool", "conv2d", "relu", "conv2d", "sigmoid", "channelMultiply",
        "globalAveragePool", "flatten", "linear",
      ])
    #expect(model.constants["a"]?.shape == [1, 2, 1, 1])
  }

  /// A classifier that is a 1x1 convolution has features too, and a later Reshape or Softmax changes nothing.
  @Test func aConvolutionAsClassifierIsLinear() throws {
    var sketch = OnnxSketch()
    sketch.tensors[1] = OnnxSketch.tensor("v", [4, 2, 1, 1])
    sketch.tensors.append(OnnxSketch.tensor("bias", [4]))
    sketch.nodes[2...3] = [
      OnnxSketch.node("Conv", ["p", "v", "bias"], "k"), OnnxSketch.node("Flatten", ["k"], "f"),
      OnnxSketch.node("Softmax", ["f"], "out"),
    ]
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(sketch.bytes, to: folder.path + "/m.onnx")
    let model = try Importer.load(path: folder.path + "/m.onnx").model
    #expect(Self.mnemonics(model) == ["conv2d", "globalAveragePool", "flatten", "linear"])
    #expect(model.graph.output(GraphOutput.features).map { model.graph[$0].type.dims } == [2])
    #expect(model.classCount == 4)
  }

  /// Of several outputs the one that most layers work for.
  @Test func theDeepestOutputIsTaken() throws {
    var sketch = OnnxSketch()
    sketch.outputs = [
      OnnxSketch.valueInfo("f", [1, 2]), OnnxSketch.valueInfo("out", [1, 4]), OnnxSketch.valueInfo("c", [1]),
      OnnxSketch.valueInfo("nowhere", [1]),
    ]
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(sketch.bytes, to: folder.path + "/m.onnx")
    let result = try Importer.load(path: folder.path + "/m.onnx")
    #expect(result.model.classCount == 4)
    #expect(result.notes.contains { $0.contains("of 4 outputs \"out\"") })
  }

  /// A graph without names is called as the same network is called by its checkpoint's names, or not at all.
  @Test(arguments: RecordedNetwork.all) func graphsAreNamedByTheirBlocks(_ network: RecordedNetwork) throws {
    let description = try network.resolved()
    let name = network.expectedName
    let graph = try NetworkBuilder.build(
      description, name: name, resolution: Extent(square: description.defaultTrainResolution)
    ).graph
    let isPlain = description.blocks.allSatisfy { $0.squeezeExcitation == nil }
    let isTorchvisions = !description.stem.isDeep && !description.hasCIFARStem && isPlain
    let found = OnnxNetworkName.name(of: graph)
    #expect(found == nil || found == name)
    if isTorchvisions, ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"].contains(name) {
      #expect(found == name)
    }
    if name.hasPrefix("wide_"), isTorchvisions { #expect(found == name) }
  }

  @Test func aConfigurationBesideTheFileIsRead() throws {
    let folder = try TemporaryFolder()
    try AtomicFileWriter.write(OnnxSketch().bytes, to: folder.path + "/m.onnx")
    let text = """
      {"architecture": "resnet18", "label_names": ["a", "b", "c", "d"], "pretrained_cfg": {"input_size": [3, 176, 176],
       "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3]}}
      """
    try AtomicFileWriter.write(Array(text.utf8), to: folder.path + "/config.json")
    let result = try Importer.load(path: folder.path + "/m.onnx")
    #expect(result.assumed.isEmpty)
    #expect(result.model.metadata.trainResolution == Extent(square: 176))
    #expect(result.model.metadata.preprocessing.mean == [0.5, 0.4, 0.3])
    #expect(result.model.metadata.preprocessing.interpolation == .bicubic)
    #expect(result.model.metadata.labels == ["a", "b", "c", "d"])
    var options = ImportOptions()
    options.mean = [0, 0, 0]
    let other = try Importer.load(path: folder.path + "/m.onnx", options: options)
    #expect(other.model.metadata.preprocessing.mean == [0, 0, 0])
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
