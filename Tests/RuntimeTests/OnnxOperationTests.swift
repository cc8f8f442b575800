import FixresFormats
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Every operation is written as ONNX, and read back as a network that computes the same.
@Suite struct OnnxOperationTests {
  /// Written for other programs: a map of features becomes several operators, and a Softmax may only end a network.
  private static let oneWay: Set<Op.Kind> = [.scalarAffineClamp, .softmax, .logSoftmax]

  private static func written(_ sample: OpSample, _ folder: TemporaryFolder) throws -> (Model, path: String) {
    let model = try sample.model(seed: 3)
    let path = folder.path + "/model.onnx"
    _ = try OnnxExporter.write(model, to: path)
    return (model, path)
  }

  @Test(arguments: OpSample.all.filter { !oneWay.contains($0.op.kind) })
  func whatIsWrittenIsReadBack(sample: OpSample) throws {
    let folder = try TemporaryFolder()
    let (model, path) = try Self.written(sample, folder)
    let again = try Importer.load(path: path).model
    let input = ElementwiseTests.elements(2 * 3 * 6 * 7, seed: 1, hasSpecial: false)
    let expected = try ReferenceInterpreter(model, input: input, batch: 2).output(GraphOutput.logits)
    let found = try ReferenceInterpreter(again, input: input, batch: 2).output(GraphOutput.logits)
    let (a, b) = (try #require(expected).elements, try #require(found).elements)
    #expect(a.count == b.count)
    let scale = a.map(\.magnitude).max() ?? 0
    #expect(scale > 0 && zip(a, b).allSatisfy { ($0 - $1).magnitude <= 1e-6 * scale }, "\(sample.op)")
  }

  @Test(arguments: OpSample.all.filter { oneWay.contains($0.op.kind) })
  func theRestIsWritten(sample: OpSample) throws {
    let folder = try TemporaryFolder()
    #expect(try OnnxExporter.write(try sample.model(seed: 3), to: folder.path + "/model.onnx") > 0)
  }

  /// An element-wise operation comes back as itself, also where ONNX has several operators for it.
  @Test(arguments: OpSample.elementwise.filter { !oneWay.contains($0.op.kind) })
  func elementwiseOperationsComeBack(sample: OpSample) throws {
    let folder = try TemporaryFolder()
    let (model, path) = try Self.written(sample, folder)
    let again = try Importer.load(path: path).model
    #expect(again.graph.nodes.map(\.op) == model.graph.nodes.map(\.op))
  }
}
