import FixresIR
import Testing

/// Graphs with more parts than any network has are refused while they are read.
@Suite struct GraphLimitTests {
  private static let head = "graph @g {\n  input %x : f32[N,3,8,8]\n"

  private func parse(_ body: String) -> IRError? {
    do throws(IRError) {
      _ = try VerifiedGraph(try GraphParser.parse(Self.head + body + "}\n"))
      return nil
    } catch { return error }
  }

  private func chain(_ count: Int) -> String {
    var text = ""
    for index in 0..<count {
      text += "  %n\(index) = relu %\(index == 0 ? "x" : "n\(index - 1)") : f32[N,3,8,8]\n"
    }
    return text + "  %f = globalAveragePool %n\(count - 1) : f32[N,3,1,1]\n  %p = flatten %f : f32[N,3]\n"
      + "  output features = %p\n"
  }

  @Test("row 17: a graph has at most as many nodes as the limit says") func nodesAreBounded() {
    let most = GraphLimits.maximumNodeCount
    #expect(parse(chain(most - 2)) == nil)
    #expect(parse(chain(most - 1)) == .tooMany(.nodes, maximum: most))
  }

  @Test("row 17: constants, outputs and operands are bounded") func otherPartsAreBounded() {
    let end = chain(1)
    let constants = (0...GraphLimits.maximumValueCount).map { "  constant %c\($0) : f32[1]\n" }.joined()
    #expect(parse(constants + end) == .tooMany(.values, maximum: GraphLimits.maximumValueCount))
    let outputs = (0...GraphLimits.maximumOutputCount).map { "  output o\($0) = %p\n" }.joined()
    #expect(parse(end + outputs) == .tooMany(.outputs, maximum: GraphLimits.maximumOutputCount))
    let operands = String(repeating: "%x, ", count: GraphLimits.maximumOperandCount)
    #expect(
      parse("  %y = concat \(operands)%x : f32[N,3,8,8]\n")
        == .tooMany(.operands, maximum: GraphLimits.maximumOperandCount))
  }

  @Test func programsAreBoundedToo() throws {
    var builder = GraphBuilder(name: "g")
    var value = try builder.input("x", .image(3, 8, 8))
    for index in 0..<GraphLimits.maximumNodeCount {
      value = try builder.append(.relu(Relu()), [value], name: "n\(index)")
    }
    #expect(throws: IRError.tooMany(.nodes, maximum: GraphLimits.maximumNodeCount)) {
      _ = try builder.append(.relu(Relu()), [value], name: "more")
    }
  }
}
