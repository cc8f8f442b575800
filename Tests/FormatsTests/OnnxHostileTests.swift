import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Rows 3, 4 and 11 to 13 of the hostile inputs, and what is refused by name.
@Suite struct OnnxHostileTests {
  private func fixture(_ name: String) throws -> [UInt8] {
    try MappedFile.open(TestData.fixture("onnx/" + name)).array
  }

  /// The node or tensor that an error names, or the text of another error.
  private func place(_ error: FormatError?) -> String {
    switch error {
    case .onnx(_, let fault):
      switch fault.place {
      case .graph: "graph"
      case .node(let name, let op): "\(op) \(name)"
      case .tensor(let name): "tensor \(name)"
      case .input(let name): "input \(name)"
      }
    case .model(_, .illTyped(let node, _)): node
    case .malformed(let fault): "\(fault.place)"
    case let other: "\(String(describing: other))"
    }
  }

  // MARK: Rows 3 and 4

  @Test("row 3: every prefix of a small file ends") func everyPrefixOfASmallFileEnds() throws {
    let folder = try TemporaryFolder()
    let whole = try fixture("fill.onnx")
    #expect(try OnnxSketch.failure(whole, in: folder) == nil)
    var accepted = 0
    for length in 0..<whole.count where try OnnxSketch.failure(Array(whole[..<length]), in: folder) == nil {
      accepted += 1
    }
    // Only what ends between two of the model's own fields, behind the graph, may be legal.
    #expect(accepted <= 2)
  }

  @Test("row 4: every bit flip of a small file ends") func everyBitFlipOfASmallFileEnds() throws {
    let folder = try TemporaryFolder()
    let whole = try fixture("fill.onnx")
    for place in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[place] ^= 1 << UInt8(bit)
        _ = try OnnxSketch.failure(flipped, in: folder)
      }
    }
  }

  /// Mutations of whole networks: any end is right but a trap. `FIXRESC_FUZZ_CASES` sets how many.
  @Test("row 11 and 12: mutations of networks end") func mutationsOfNetworksEnd() throws {
    let folder = try TemporaryFolder()
    let count = getenv("FIXRESC_FUZZ_CASES").flatMap { Int(String(cString: $0)) } ?? 4000
    let seeds = try [
      "keras.onnx", "torch-old-view.onnx", "zoo-ir3-opset3.onnx", "half.onnx", "../onnx-forms/option-a.onnx",
      "../onnx-forms/pool-gem.onnx", "../onnx-forms/gelu-tanh.onnx", "../onnx-forms/input-flipped.onnx",
      "../onnx-forms/tail-topk.onnx", "../onnx-forms/pool-catavgmax-rows.onnx",
    ].map(fixture)
    for seed in 0..<count {
      var random = SeededRandom(seed: UInt64(seed))
      var file = seeds[seed % seeds.count]
      for _ in 0...random.nextInt(in: 0..<6) {
        let place = random.nextInt(in: 0..<file.count)
        switch random.nextInt(in: 0..<4) {
        case 0: file[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: file[place] ^= 1 << UInt8(random.nextInt(in: 0..<8))
        case 2: file.remove(at: place)
        default: file.insert([0xFF, 0x80, 0x00, 0x7F][random.nextInt(in: 0..<4)], at: place)
        }
      }
      _ = try OnnxSketch.failure(file, in: folder)
    }
  }

  // MARK: Row 11

  static let brokenTails: [(String, [UInt8])] = [
    ("a varint of 11 bytes", [0x08] + [UInt8](repeating: 0xFF, count: 10) + [0x01]),
    ("a varint of 65 bits", [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x02]),
    ("a length beyond the rest", [0x3A, 0xFF, 0xFF, 0x03, 0x00]),
    ("a length of 2^64", [0x3A] + [UInt8](repeating: 0xFF, count: 9) + [0x01, 0x00]),
    ("a group", [0x4B, 0x4C]), ("a wire type of 7", [0x4F, 0x00]), ("field 0", [0x02, 0x00]),
    ("a graph as a varint", [0x38, 0x01]),
  ]

  @Test("row 11: broken wire format is named by its byte", arguments: brokenTails)
  func brokenWireFormatIsNamedByItsByte(_ name: String, _ tail: [UInt8]) throws {
    let folder = try TemporaryFolder()
    let head = OnnxMessage().number(1, 8).text(2, "x").bytes
    let error = try OnnxSketch.failure(head + tail, in: folder)
    guard case .malformed(let fault) = error, case .byte(let offset) = fault.place else {
      Issue.record("\(name): \(String(describing: error))")
      return
    }
    #expect(fault.format == .onnx)
    #expect(offset >= head.count && offset <= head.count + tail.count, "\(name)")
  }

  @Test("row 11: nesting and multitudes are bounded") func nestingAndMultitudesAreBounded() throws {
    let folder = try TemporaryFolder()
    // Graphs in attributes of nodes in graphs, 10,000 deep: bytes of a field that nothing reads.
    var inner = OnnxMessage()
    for _ in 0..<10_000 { inner = OnnxMessage().data(6, inner.bytes) }
    var sketch = OnnxSketch()
    sketch.nodes[1] = OnnxMessage(bytes: sketch.nodes[1]).data(100, inner.bytes).bytes
    #expect(try sketch.failure(in: folder) == nil)
    var nodes: [UInt8] = []
    for _ in 0..<400_000 { nodes += [0x0A, 0x00] }
    guard case .malformed = try OnnxSketch.failure(OnnxSketch.model(nodes), in: folder) else {
      Issue.record("400,000 empty nodes were taken")
      return
    }
  }

  // MARK: Row 12

  static let brokenNodes: [(String, Int, [UInt8], String)] = [
    ("a cycle", 0, OnnxSketch.node("Conv", ["p", "w"], "c"), "Conv c"),
    ("itself", 1, OnnxSketch.node("GlobalAveragePool", ["p"], "p"), "GlobalAveragePool p"),
    ("a missing input", 1, OnnxSketch.node("GlobalAveragePool", ["nowhere"], "p"), "GlobalAveragePool p"),
    ("a second output", 1, OnnxSketch.node("GlobalAveragePool", ["c"], "c"), "GlobalAveragePool c"),
    ("an output called as a weight", 1, OnnxSketch.node("Relu", ["c"], "w"), "Relu w"),
    ("an unknown operator", 1, OnnxSketch.node("LSTM", ["c"], "p"), "LSTM p"),
    ("another domain", 1, OnnxSketch.node("Relu", ["c"], "p", domain: "com.example"), "Relu p"),
    ("a quantised node", 1, OnnxSketch.node("QuantizeLinear", ["c"], "p"), "QuantizeLinear p"),
    (
      "a stride of 0", 0, OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("strides", [0, 1])]),
      "Conv c"
    ),
    (
      "a stride of 2^40", 0,
      OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("strides", [1 << 40, 1])]),
      "Conv c"
    ),
    (
      "negative pads", 0,
      OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("pads", [0, -1, 0, 0])]), "Conv c"
    ),
    (
      "pads of 2^62", 0,
      OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("pads", [0, 1 << 62, 0, 0])]), "Conv c"
    ),
    (
      "a dilation of 0", 0,
      OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("dilations", [0, 2])]),
      "Conv c"
    ),
    (
      "another kernel", 0,
      OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("kernel_shape", [3, 3])]), "Conv c"
    ),
    (
      "a pool of 0", 1, OnnxSketch.node("MaxPool", ["c"], "p", attributes: [("kernel_shape", [0, 2])]),
      "MaxPool p"
    ),
    (
      "a pool of 2^40", 1,
      OnnxSketch.node("MaxPool", ["c"], "p", attributes: [("kernel_shape", [1 << 40, 2])]),
      "MaxPool p"
    ),
    (
      "a mean over channels", 1, OnnxSketch.node("ReduceMean", ["c"], "p", attributes: [("axes", [1, 2])]),
      "ReduceMean p"
    ),
    ("an axis beyond", 2, OnnxSketch.node("Flatten", ["p"], "f", attributes: [("axis", [7])]), "Flatten f"),
    ("two -1", 2, OnnxSketch.node("Reshape", ["p"], "f", attributes: [("shape", [-1, -1])]), "Reshape f"),
    (
      "a shape of other images", 2, OnnxSketch.node("Reshape", ["p"], "f", attributes: [("shape", [2, 1])]),
      "Reshape f"
    ),
    (
      "a shape of 2^62", 2, OnnxSketch.node("Reshape", ["p"], "f", attributes: [("shape", [1, 1 << 62, 4])]),
      "Reshape f"
    ),
    ("a third operand", 1, OnnxSketch.node("GlobalAveragePool", ["c", "c"], "p"), "GlobalAveragePool p"),
    (
      "no flag", 1,
      OnnxSketch.node(
        "MaxPool", ["c"], "p", attributes: [("kernel_shape", [2, 2]), ("ceil_mode", [Int.min])]),
      "MaxPool p"
    ),
    (
      "an attribute twice", 2,
      OnnxSketch.node("Flatten", ["p"], "f", attributes: [("axis", [1]), ("axis", [0])]),
      "Flatten f"
    ),
    ("an Expand of a map", 1, OnnxSketch.node("Expand", ["c", "s"], "p"), "Expand p"),
    (
      "an unknown auto_pad", 1,
      OnnxSketch.node(
        "MaxPool", ["c"], "p", attributes: [("kernel_shape", [2, 2])], texts: [("auto_pad", "SAME")]),
      "MaxPool p"
    ),
    (
      "a list as a number", 0, OnnxSketch.typed("Conv", ["data", "w"], "c", attribute: "group", kind: 7),
      "Conv c"
    ),
    ("weights made of the picture", 3, OnnxSketch.node("Gemm", ["f", "c"], "out"), "Gemm out"),
  ]

  @Test("row 12: broken graphs are named by their node", arguments: brokenNodes)
  func brokenGraphsAreNamedByTheirNode(_ name: String, _ index: Int, _ node: [UInt8], place: String) throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    sketch.nodes[index] = node
    sketch.tensors.append(OnnxSketch.whole("s", [1, 2, 8, 8]))
    #expect(self.place(try sketch.failure(in: folder)) == place, "\(name)")
  }

  @Test("row 12: what does not fit is named by its value") func whatDoesNotFitIsNamedByItsValue() throws {
    let folder = try TemporaryFolder()
    for (node, index, name) in [
      (OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("group", [0])]), 0, "%c"),
      (OnnxSketch.node("Conv", ["data", "w"], "c", attributes: [("group", [-3])]), 0, "%c"),
      (OnnxSketch.node("Gemm", ["f", "v"], "out"), 3, "%out"),
    ] {
      var sketch = OnnxSketch()
      sketch.nodes[index] = node
      #expect(place(try sketch.failure(in: folder)).contains(name))
    }
  }

  @Test("row 6 and 9: tensors that lie are named") func tensorsThatLieAreNamed() throws {
    let folder = try TemporaryFolder()
    for (tensor, name) in [
      (OnnxSketch.tensor("w", [2, 3, 1, 1], byteCount: 20), "tensor w"),
      (OnnxSketch.tensor("w", [1 << 32, 1 << 32], byteCount: 4), "tensor w"),
      (OnnxSketch.tensor("w", [-2, -3, 1, 1], byteCount: 24), "tensor w"),
      (OnnxSketch.tensor("v", [4, 2]), "tensor v"),
    ] {
      var sketch = OnnxSketch()
      sketch.tensors[0] = tensor
      #expect(place(try sketch.failure(in: folder)) == name)
    }
    var sketch = OnnxSketch()
    sketch.inputs = [OnnxSketch.valueInfo("data", [1, 3, 8, 8], type: 2)]
    #expect(place(try sketch.failure(in: folder)) == "input data")
    sketch.inputs = [OnnxSketch.valueInfo("data", [1, 3, 1 << 40, 8])]
    #expect(place(try sketch.failure(in: folder)) == "input data")
    sketch.outputs = []
    #expect(place(try sketch.failure(in: folder)) == "graph")
  }

  @Test("row 11: memory made of nothing is bounded") func memoryMadeOfNothingIsBounded() throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    sketch.tensors[0] = OnnxSketch.whole("s", [1 << 30, 64, 3, 3])
    sketch.nodes.insert(OnnxSketch.node("ConstantOfShape", ["s"], "w"), at: 0)
    #expect(place(try sketch.failure(in: folder)) == "ConstantOfShape w")
  }

  /// A file of a few bytes takes no memory before the whole network is found sound, and then a bounded amount.
  @Test func weightsOfOneNumberWaitForTheNetwork() throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    sketch.tensors[0] = OnnxSketch.whole("s", [1 << 20, 3, 4, 4])
    sketch.nodes.insert(OnnxSketch.node("ConstantOfShape", ["s"], "w"), at: 0)
    // 50 million weights, and a classifier that does not fit.
    #expect(place(try sketch.failure(in: folder)).contains("%out"))
    sketch = OnnxSketch()
    sketch.tensors += [OnnxSketch.whole("s", [1 << 21, 16]), OnnxSketch.tensor("one", [1, 2])]
    sketch.nodes[3] = OnnxSketch.node("Gemm", ["f", "z"], "out")
    sketch.nodes.insert(OnnxSketch.node("ConstantOfShape", ["s"], "y"), at: 0)
    sketch.nodes.insert(OnnxSketch.node("Div", ["y", "y"], "z"), at: 1)
    // A quotient of two of them is made at once.
    #expect(place(try sketch.failure(in: folder)) == "Div z")
  }

  /// What proto3 writers leave out is zero and not the attribute's default.
  @Test func attributesWithoutAValueAreZero() throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    sketch.tensors[1] = OnnxSketch.tensor("v", [2, 4])
    sketch.nodes[1] = OnnxSketch.node("ReduceMean", ["c"], "p", attributes: [("axes", [2, 3])])
    sketch.nodes[1] =
      OnnxMessage(bytes: sketch.nodes[1])
      .data(5, OnnxMessage().text(1, "keepdims").number(20, 2).bytes).bytes
    sketch.nodes[2] = OnnxSketch.node("Identity", ["p"], "f")
    sketch.nodes[3] = OnnxSketch.typed("Gemm", ["f", "v"], "out", attribute: "transB", kind: 2)
    #expect(try sketch.failure(in: folder) == nil)
    let model = try Importer.load(path: folder.path + "/model.onnx").model
    #expect(model.constants["v"]?.shape == [4, 2])
    #expect(model.graph.nodes.map(\.op.mnemonic) == ["conv2d", "globalAveragePool", "flatten", "linear"])
  }

  /// Opset 8 computes shapes as floats and casts them.
  @Test func shapesMayBeCastFromFloats() throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    // 0.5 and 1 become 0 and 1; 1 and 2 after doubling.
    sketch.tensors += [OnnxSketch.tensor("half", [2]), OnnxSketch.whole("k", [2])]
    sketch.nodes[2...2] = [
      OnnxSketch.node("Add", ["half", "half"], "twice"),
      OnnxSketch.node("Cast", ["twice"], "s", attributes: [("to", [7])]),
      OnnxSketch.node("Reshape", ["p", "s"], "f"),
    ]
    #expect(try sketch.failure(in: folder) == nil)
    sketch.nodes[2] = OnnxSketch.node("Div", ["half", "zero"], "twice")
    sketch.tensors.append(
      OnnxMessage().number(1, 1).number(2, 1).text(8, "zero").data(9, [0, 0, 0, 0]).bytes)
    #expect(place(try sketch.failure(in: folder)) == "Cast s")
  }

  @Test func quantisedModelsAreRefusedWithAHint() throws {
    var sketch = OnnxSketch()
    sketch.nodes[1] = OnnxSketch.node("DequantizeLinear", ["c"], "p")
    guard case .onnx(_, let fault) = try sketch.failure(in: try TemporaryFolder()) else {
      Issue.record("a quantised model was taken")
      return
    }
    #expect(fault.hint?.contains("float model") == true)
    sketch.nodes[1] = OnnxSketch.node("FusedConv", ["c"], "p", domain: "com.microsoft")
    guard case .onnx(_, let other) = try sketch.failure(in: try TemporaryFolder()) else {
      Issue.record("an operator of another domain was taken")
      return
    }
    #expect(other.hint?.contains("ONNX Runtime") == true)
  }

  // MARK: Row 13

  @Test("row 13: external data stays in its folder") func externalDataStaysInItsFolder() throws {
    let folder = try TemporaryFolder()
    let inner = folder.makeFolder("inner")
    let weights = [UInt8](repeating: 0, count: 96)
    for path in ["/w.bin", "/inner/w.bin", "/secret.bin"] {
      try AtomicFileWriter.write(weights, to: folder.path + path)
    }
    symlink("secret.bin", folder.path + "/link.bin")
    symlink("inner", folder.path + "/linked")
    link(folder.path + "/secret.bin", folder.path + "/hard.bin")
    mkfifo(folder.path + "/fifo", 0o600)
    func failure(_ entries: [(String, String)]) throws -> FormatError? {
      var sketch = OnnxSketch()
      sketch.tensors[0] = OnnxSketch.external("w", [2, 3, 1, 1], entries)
      return try sketch.failure(in: folder)
    }
    #expect(try failure([("location", "w.bin")]) == nil)
    #expect(try failure([("location", "inner/w.bin"), ("offset", "72"), ("length", "24")]) == nil)
    let wrong: [[(String, String)]] = [
      [("location", "/etc/hostname")], [("location", folder.path + "/w.bin")], [("location", "../w.bin")],
      [("location", "inner/../w.bin")], [("location", "")], [("location", "inner//w.bin")],
      [("location", "link.bin")], [("location", "linked/w.bin")], [("location", "hard.bin")],
      [("location", "fifo")], [("location", "inner")], [("location", "missing.bin")],
      [("location", "w.bin"), ("offset", "-8")], [("location", "w.bin"), ("offset", "80")],
      [("location", "w.bin"), ("offset", "9223372036854775807")], [("location", "w.bin"), ("offset", "1e2")],
      [("location", "w.bin"), ("length", "23")], [],
    ]
    for entries in wrong {
      #expect(place(try failure(entries)) == "tensor w", "\(entries)")
    }
    _ = inner
  }
}
