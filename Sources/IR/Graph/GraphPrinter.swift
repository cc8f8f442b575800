/// Prints the textual form of a graph, which `GraphParser` parses to an equal graph.
public enum GraphPrinter {
  /// The graph, a declaration or node in each line.
  public static func text(of graph: Graph) -> String {
    var lines = ["graph @\(quoted(graph.name)) {"]
    for input in graph.inputs { lines.append("  input \(declaration(graph[input]))") }
    for constant in graph.constants { lines.append("  constant \(declaration(graph[constant]))") }
    for node in graph.nodes { lines.append("  " + text(of: node, in: graph)) }
    for output in graph.outputs {
      lines.append("  output \(quoted(output.name)) = %\(quoted(graph[output.value].name))")
    }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  /// A node, such as `%relu = relu %bn1 : f32[N,64,112,112]`.
  public static func text(of node: Node, in graph: Graph) -> String {
    nodeText(
      op: node.op, resultName: graph[node.result].name, operandNames: node.operands.map { graph[$0].name },
      type: graph[node.result].type)
  }

  package static func nodeText(
    op: Op, resultName: String, operandNames: [String], type: TensorType?
  ) -> String {
    let definition = op.definition
    let roles = definition.operandRoles
    let operands = operandNames.enumerated().map { index, name in
      let keyword = index < roles.count && roles[index].isKeyword ? roles[index].rawValue + " " : ""
      return "\(keyword)%\(quoted(name))"
    }
    var text = "%\(quoted(resultName)) = \(op.mnemonic)"
    if !operands.isEmpty { text += " " + operands.joined(separator: ", ") }
    let attributes = definition.attributes
    if !attributes.isEmpty {
      text += " {" + attributes.map(\.description).joined(separator: ", ") + "}"
    }
    return type.map { "\(text) : \($0)" } ?? text
  }

  private static func declaration(_ value: Value) -> String { "%\(quoted(value.name)): \(value.type)" }

  /// `name` where all its bytes are plain, else in quotes with `\"`, `\\` and `\u{..}` escapes.
  package static func quoted(_ name: String) -> String {
    if !name.isEmpty, name.utf8.allSatisfy(isPlain) { return name }
    var text = "\""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case _
      where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        || scalar.value == 0x2028 || scalar.value == 0x2029:
        text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  /// Whether a name may contain `byte` without quotes.
  static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
