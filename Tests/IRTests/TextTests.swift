import FixresBase
import FixresIR
import TestSupport
import Testing

@Suite struct TextTests {
  @Test(arguments: UInt64(0)..<200) func parsesWhatIsPrinted(seed: UInt64) throws {
    let graph = try RandomNetwork.make(seed: seed, oddNames: seed % 2 == 0).graph
    try Verifier.check(graph)
    let text = GraphPrinter.text(of: graph)
    let parsed = try GraphParser.parse(text)
    #expect(parsed == graph, "seed \(seed)")
    #expect(GraphPrinter.text(of: parsed) == text, "seed \(seed)")
  }

  @Test func randomNetworksHoldEveryOperation() throws {
    var seen: Set<String> = []
    for seed in UInt64(0)..<200 {
      seen.formUnion(try RandomNetwork.make(seed: seed).graph.nodes.map(\.op.mnemonic))
    }
    #expect(seen == Set(Op.Kind.allCases.map(\.rawValue)))
  }

  @Test(arguments: [
    "", " ", "a b", "\"", "\\", "\\u{41}", "\u{0}", "\n", "\r\n", "\t", "\u{7f}", "\u{85}", "\u{2028}", "é",
    "e\u{301}", "\u{1F469}\u{200D}\u{1F680}", "%x", "@x", "[1]", "{", "}", "residual", "f32", "N", "=", ",",
    "1",
    "-", "a/b.c-d", "\u{FEFF}", "\u{FFFD}", "\u{10FFFF}",
  ]) func keepsOddNames(name: String) throws {
    var builder = GraphBuilder(name: name)
    let input = try builder.input(name, .image(1, 2, 2))
    let pooled = try builder.append(.globalAveragePool(.init()), [input], name: name + "'")
    let flat = try builder.append(.flatten(.init()), [pooled], name: name + "\"")
    try builder.output(GraphOutput.logits, flat)
    try builder.output(name + "out", flat)
    let graph = builder.build()
    let parsed = try GraphParser.parse(GraphPrinter.text(of: graph))
    #expect(Array(parsed.name.unicodeScalars) == Array(name.unicodeScalars))
    #expect(parsed.values.map { Array($0.name.utf8) } == graph.values.map { Array($0.name.utf8) })
    #expect(parsed == graph)
  }

  @Test func attributesKeepTheirBits() throws {
    for value: Float in [0.1, 1e-38, .leastNonzeroMagnitude, 3.4e38, -0.0, 16_777_216, 1.0 / 3] {
      var builder = GraphBuilder(name: "g")
      let input = try builder.input("x", .image(1, 1, 1))
      let y = try builder.append(
        .scalarAffineClamp(.init(scale: value, offset: -value)), [input], name: "y")
      let z = try builder.append(.dropout(.init(rate: Double(value) / 3)), [y], name: "z")
      try builder.output(GraphOutput.logits, try builder.append(.flatten(.init()), [z], name: "f"))
      let graph = builder.build()
      let text = GraphPrinter.text(of: graph)
      let parsed = try GraphParser.parse(text)
      #expect(parsed == graph)
      #expect(GraphPrinter.text(of: parsed) == text)
    }
  }

  /// A text with every piece of syntax, short enough to be cut and bent everywhere.
  static func smallText() throws -> String {
    var builder = GraphBuilder(name: "odd \" name")
    let input = try builder.input("in\n", .image(2, 6, 6))
    let weight = try builder.constant("w", shape: [2, 1, 3, 3])
    let bias = try builder.constant("b", shape: [2])
    let conv = try builder.append(
      .conv2d(.init(padding: Padding(1), groups: 2, hasBias: true, hasResidual: true, activation: .relu)),
      [input, weight, bias, input], name: "conv é")
    let clamp = try builder.append(.scalarAffineClamp(.init(scale: 1e-7, offset: -2.5)), [conv], name: "c")
    let window = Window(kernel: Extent(2, 3), strides: Extent(2, 1), ceilMode: true)
    let pool = try builder.append(
      .averagePool(.init(window: window, countIncludePad: false)), [clamp], name: "p")
    let mean = try builder.append(.globalAveragePool(.init()), [pool], name: "m")
    try builder.output(GraphOutput.logits, try builder.append(.flatten(.init()), [mean], name: "f"))
    return GraphPrinter.text(of: builder.build())
  }

  @Test func everyPrefixIsRefused() throws {
    let text = Array(try Self.smallText().utf8)
    // The last byte is the line break after the closing brace.
    for count in 0..<(text.count - 1) {
      #expect(throws: IRError.self, "prefix of \(count)") {
        try GraphParser.parse(String(decoding: text[..<count], as: UTF8.self))
      }
    }
  }

  /// A mutated text is refused, or gives a graph whose faults can be collected and whose own text parses back.
  private func survives(_ bytes: [UInt8], _ what: String) {
    guard let graph = try? GraphParser.parse(String(decoding: bytes, as: UTF8.self)) else { return }
    _ = Verifier.faults(in: graph)
    let text = GraphPrinter.text(of: graph)
    #expect((try? GraphParser.parse(text)) == graph, "\(what)")
  }

  @Test func everyBitFlipIsSurvived() throws {
    let text = Array(try Self.smallText().utf8)
    for position in text.indices {
      for bit in 0..<8 {
        var bent = text
        bent[position] ^= 1 << bit
        survives(bent, "bit \(bit) of byte \(position)")
      }
    }
  }

  @Test(arguments: UInt64(0)..<40) func randomMutationsAreSurvived(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let text = Array(GraphPrinter.text(of: try RandomNetwork.make(seed: seed, oddNames: true).graph).utf8)
    let numbers = [
      "0", "-1", "9223372036854775807", "9223372036854775808", "1048577", "4294967296", "1e999", "nan",
    ]
    for round in 0..<100 {
      var bent = text
      for _ in 0...random.nextInt(in: 0..<3) {
        let start = random.nextInt(in: 0..<bent.count)
        let end = min(bent.count, start + random.nextInt(in: 0..<24))
        switch random.nextInt(in: 0..<5) {
        case 0: bent.removeSubrange(start..<end)
        case 1: bent.insert(contentsOf: bent[start..<end], at: random.nextInt(in: 0..<bent.count))
        case 2: bent[start] = UInt8(truncatingIfNeeded: random.next())
        case 3:
          bent = Self.replacingNumber(
            in: bent, from: start, by: numbers[random.nextInt(in: 0..<numbers.count)])
        default: bent = Self.swappingLines(bent, &random)
        }
        if bent.isEmpty { bent = [0] }
      }
      survives(bent, "seed \(seed), round \(round)")
    }
  }

  private static func replacingNumber(in bytes: [UInt8], from start: Int, by text: String) -> [UInt8] {
    let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
    guard let first = bytes[start...].firstIndex(where: isDigit) else { return bytes }
    let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.count
    return Array(bytes[..<first]) + Array(text.utf8) + Array(bytes[end...])
  }

  private static func swappingLines(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    lines.swapAt(random.nextInt(in: 0..<lines.count), random.nextInt(in: 0..<lines.count))
    return Array(lines.joined(separator: [0x0A]))
  }

  @Test(arguments: [
    ("", "}"), ("graph {", "@name"), ("graph @g {", "}"), ("graph @g {\n  nonsense\n}", "a node"),
    ("graph @g {\n  input %x f32[N,1,1,1]\n}", ":"), ("graph @g {\n  input %x: f64[N,1]\n}", "f32"),
    ("graph @g {\n  input %x: f32[N,-1]\n}", "dimensions"), ("graph @g {\n  input %x: f32[N,1,1,1\n}", "]"),
    ("graph @g {\n}\nmore", "nothing"), ("graph @g {\n  input %\"x: f32[1]\n}", "quote"),
    ("graph @g {\n  input %\"\\q\": f32[1]\n}", "u{hex}"),
  ]) func saysWhatWasExpected(text: String, expected: String) throws {
    let error = #expect(throws: IRError.self) { try GraphParser.parse(text) }
    guard case .syntax(let line, let wanted, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(wanted.contains(expected), "\(wanted)")
    #expect(line >= 0 && line <= 4)
  }

  @Test func refusesTwiceDeclaredAndUnknownValues() {
    #expect(throws: IRError.duplicateName("x")) {
      try GraphParser.parse("graph @g {\n  input %x: f32[N,1,1,1]\n  input %x: f32[N,1,1,1]\n}")
    }
    #expect(throws: IRError.unknownValue("y")) {
      try GraphParser.parse("graph @g {\n  %x = relu %y : f32[N,1,1,1]\n}")
    }
    // A use before the definition, too.
    #expect(throws: IRError.unknownValue("x")) {
      try GraphParser.parse("graph @g {\n  %x = relu %x : f32[N,1,1,1]\n}")
    }
  }

  @Test(arguments: [
    "conv2d %x", "conv2d %x, %w {strides = [1, 1]}", "relu %x {strides = [1, 1]}", "relu residual %x",
    "conv2d residual %x, %w {strides = [1, 1], padding = [0, 0, 0, 0], groups = 1, activation = none}",
    "conv2d %x, %w {strides = [1], padding = [0, 0, 0, 0], groups = 1, activation = none}",
    "conv2d %x, %w {strides = [1, 1], padding = [0, 0, 0, 0], groups = 1, activation = gelu}",
    "conv2d %x, %w {strides = [1, 1], strides = [1, 1], padding = [0, 0, 0, 0], groups = 1, activation = none}",
    "dropout %x {rate = inf}", "scalarAffineClamp %x {scale = nan, offset = 0}", "batchNorm %x {epsilon = }",
    "teleport %x",
  ]) func refusesWrongOperations(node: String) {
    let text =
      "graph @g {\n  input %x: f32[N,1,1,1]\n  constant %w: f32[1,1,1,1]\n  %y = \(node) : f32[N,1,1,1]\n}"
    #expect(throws: IRError.self) { try GraphParser.parse(text) }
  }
}
