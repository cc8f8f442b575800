/// Parses the textual form of a graph; the result is syntactically valid but not verified.
public struct GraphParser {
  private var storage = GraphStorage(name: "", values: [], inputs: [], constants: [], nodes: [], outputs: [])
  private var valuesByName: [String: ValueID] = [:]
  private var lexer = GraphLexer("", line: 0)
  private var line = 0
  private var operandCount = 0

  private init() {}

  /// The graph of `text`.
  ///
  /// - Throws: `syntax`, `duplicateName`, `unknownValue`, `tooMany`.
  public static func parse(_ text: String) throws(IRError) -> Graph {
    var parser = GraphParser()
    return try parser.parseGraph(text)
  }

  private mutating func parseGraph(_ text: String) throws(IRError) -> Graph {
    var isOpen = false
    var isClosed = false
    // Line by line: a list of all lines would take many times the text.
    var rest: Substring? = text[...]
    while let remaining = rest {
      let end = remaining.utf8.firstIndex(of: UInt8(ascii: "\n"))
      rest = end.map { remaining[remaining.utf8.index(after: $0)...] }
      line += 1
      lexer = GraphLexer(remaining[..<(end ?? remaining.endIndex)], line: line)
      let first = try lexer.next()
      switch first {
      case .end: continue
      case _ where isClosed: throw unexpected(first, expected: "nothing after the closing }")
      case .word("graph") where !isOpen:
        try parseHead()
        isOpen = true
      case _ where !isOpen: throw unexpected(first, expected: "graph @name {")
      case .word("input"): storage.inputs.append(try parseDeclaration())
      case .word("constant"): storage.constants.append(try parseDeclaration())
      case .word("output"): try parseOutput()
      case .value(let name): try parseNode(result: name)
      case .mark("}"): isClosed = true
      default: throw unexpected(first, expected: "input, constant, output, a node or }")
      }
      try expectEnd()
    }
    guard isClosed else { throw .syntax(line: line, expected: "}", found: "the end of the text") }
    return storage.canonicalGraph()
  }

  private mutating func parseHead() throws(IRError) {
    let token = try lexer.next()
    guard case .symbol(let name) = token else { throw unexpected(token, expected: "@name") }
    storage.name = name
    try expect("{")
  }

  private mutating func parseDeclaration() throws(IRError) -> ValueID {
    let token = try lexer.next()
    guard case .value(let name) = token else { throw unexpected(token, expected: "%name") }
    try expect(":")
    return try declare(name, try parseType())
  }

  private mutating func parseOutput() throws(IRError) {
    let token = try lexer.next()
    guard case .word(let name) = token else { throw unexpected(token, expected: "an output's name") }
    try expect("=")
    storage.outputs.append(GraphOutput(name: name, value: try parseUse(try lexer.next())))
    try GraphLimits.check(.outputs, storage.outputs.count)
  }

  private mutating func parseNode(result: String) throws(IRError) {
    try expect("=")
    let token = try lexer.next()
    guard case .word(let mnemonic) = token,
      let definition = Op.Kind(rawValue: mnemonic)?.definition
    else { throw unexpected(token, expected: "an operation") }
    let (operands, keywords, end) = try parseOperands()
    var reader = AttributeReader([:])
    var last = end
    if last == .mark("{") {
      reader = AttributeReader(try parseAttributes())
      last = try lexer.next()
    }
    guard last == .mark(":") else { throw unexpected(last, expected: ": and a type") }
    let type = try parseType()
    let op: Op
    do {
      let list = OperandList(positionalCount: operands.count - keywords.count, keywords: keywords)
      let parsed = try definition.init(&reader, operands: list)
      try reader.finish()
      let known = parsed.operandRoles.filter(\.isKeyword).map(\.rawValue)
      guard known == keywords else { throw AttributeFault.operands(expected: "no other keyword") }
      op = parsed.asOp
    } catch let fault {
      throw .syntax(line: line, expected: "\(mnemonic)'s operands and attributes", found: "\(fault)")
    }
    storage.nodes.append(Node(op: op, operands: operands, result: try declare(result, type)))
    try GraphLimits.check(.nodes, storage.nodes.count)
  }

  /// Operands up to the token that ends them; keywords come after all plain ones.
  private mutating func parseOperands() throws(IRError) -> ([ValueID], [String], GraphLexer.Token) {
    var operands: [ValueID] = []
    var keywords: [String] = []
    var token = try lexer.next()
    while true {
      if case .word(let keyword) = token {
        keywords.append(keyword)
        token = try lexer.next()
      } else if !keywords.isEmpty {
        throw unexpected(token, expected: "a keyword before %name")
      }
      operands.append(try parseUse(token))
      operandCount += 1
      try GraphLimits.check(.operands, operandCount)
      token = try lexer.next()
      guard token == .mark(",") else { return (operands, keywords, token) }
      token = try lexer.next()
    }
  }

  private mutating func parseAttributes() throws(IRError) -> [String: String] {
    var texts: [String: String] = [:]
    while true {
      let token = try lexer.next()
      guard case .word(let name) = token, texts[name] == nil else {
        throw unexpected(token, expected: "an attribute's name, once")
      }
      try expect("=")
      let payload = try lexer.next()
      switch payload {
      case .word(let text), .list(let text): texts[name] = text
      default: throw unexpected(payload, expected: "an attribute's value")
      }
      let separator = try lexer.next()
      if separator == .mark("}") { return texts }
      guard separator == .mark(",") else { throw unexpected(separator, expected: ", or }") }
    }
  }

  /// `f32[N,64,56,56]`
  private mutating func parseType() throws(IRError) -> TensorType {
    let element = try lexer.next()
    guard element == .word(TensorType.elementName) else {
      throw unexpected(element, expected: "a type f32[...]")
    }
    let token = try lexer.next()
    guard case .list(let text) = token else { throw unexpected(token, expected: "[dimensions]") }
    var parts = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
    if parts == [""] { parts = [] }
    let batched = parts.first == "N"
    var dims: [Int] = []
    for part in parts.dropFirst(batched ? 1 : 0) {
      guard let dim = Int(part), dim >= 0, part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
        throw unexpected(token, expected: "dimensions separated by commas, N first where there is a batch")
      }
      dims.append(dim)
    }
    guard dims.count <= 8 else { throw unexpected(token, expected: "at most 8 dimensions") }
    return TensorType(batched: batched, dims)
  }

  private func parseUse(_ token: GraphLexer.Token) throws(IRError) -> ValueID {
    guard case .value(let name) = token else { throw unexpected(token, expected: "%name") }
    guard let value = valuesByName[name] else { throw .unknownValue(name) }
    return value
  }

  private mutating func declare(_ name: String, _ type: TensorType) throws(IRError) -> ValueID {
    let value = ValueID(storage.values.count)
    guard valuesByName.updateValue(value, forKey: name) == nil else { throw .duplicateName(name) }
    storage.values.append(Value(name: name, type: type))
    try GraphLimits.check(.values, storage.values.count)
    return value
  }

  private mutating func expect(_ mark: Character) throws(IRError) {
    let token = try lexer.next()
    guard token == .mark(mark) else { throw unexpected(token, expected: String(mark)) }
  }

  private mutating func expectEnd() throws(IRError) {
    let token = try lexer.next()
    guard token == .end else { throw unexpected(token, expected: "the end of the line") }
  }

  private func unexpected(_ token: GraphLexer.Token, expected: String) -> IRError {
    .syntax(line: line, expected: expected, found: token.description)
  }
}
