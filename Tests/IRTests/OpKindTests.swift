import FixresIR
import TestSupport
import Testing

/// The enum of operations, its kinds, their definitions and the text are one list.
@Suite struct OpKindTests {
  @Test(arguments: Op.Kind.allCases) func kindsAndDefinitionsAgree(kind: Op.Kind) {
    #expect(kind.definition.kind == kind)
    let samples = OpSample.samples(of: kind)
    #expect(!samples.isEmpty)
    for sample in samples {
      #expect(sample.op.kind == kind)
      #expect(sample.op.definition.asOp == sample.op)
    }
    if let op = kind.definition.parameterless { #expect(op.kind == kind) }
  }

  @Test(arguments: OpSample.all) func printsAndParses(sample: OpSample) throws {
    let graph = try sample.model(seed: 1).graph
    try Verifier.check(graph)
    let text = GraphPrinter.text(of: graph)
    #expect(text.contains("%sample = \(sample.op.kind.rawValue) "))
    let parsed = try GraphParser.parse(text)
    #expect(parsed == graph)
    #expect(GraphPrinter.text(of: parsed) == text)
  }

  /// Without a padding rule an operation fits every size as it is.
  @Test(arguments: OpSample.all) func fixedPaddingsStay(sample: OpSample) {
    #expect(sample.op.fitted(to: sample.operands) == sample.op)
  }
}
