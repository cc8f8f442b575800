import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Model files as releases wrote them: every later version opens them, prints the same graph and computes the logits
/// that the release computed. Tests/Fixtures/releases/make.py says what each holds.
@Suite struct ReleaseFileTests {
  static let operations = [
    "conv2d", "conv2d-grouped", "conv2d-residual", "batchNorm", "relu", "add", "maxPool", "maxPool-same",
    "averagePool", "averagePool-uncounted", "globalAveragePool", "globalMaxPool", "flatten", "linear",
    "sigmoid",
    "channelMultiply", "stridedSlice", "channelPad", "softmax", "scalarAffineClamp", "identity", "dropout",
  ]
  static let networks = [
    "plain", "adapted", "adapted-equalized", "adapted-statistics", "adapted-test-pool", "finetuned",
    "finetuned-adapted", "tuned-avx2", "tuned-avx512", "packed-avx2", "packed-avx512", "packed-portable",
    "tuned-packed-avx2",
  ]
  static let files = (networks + operations.map { "op-" + $0 }).map { "0.1.0/" + $0 }
  /// The rows of recorded logits; other instruction sets are compared with the last.
  static let recorded = ["avx512", "avx2", "portable"]

  private static func path(_ name: String) -> String { TestData.fixture("releases/" + name) }

  private static func array(_ name: String) throws -> NpyArray {
    try Npy.read(try MappedFile.open(path(name + ".npy")))
  }

  /// A file that is missing from the list would be tested by nothing.
  @Test func everyFileIsListed() {
    let names = TestData.names(in: Self.path("0.1.0")).filter { $0.hasSuffix(".bin") }
    #expect(Set(names) == Set(Self.files.map { $0.dropFirst(6) + ".bin" }))
  }

  @Test(arguments: files) func printsTheSameGraph(file: String) throws {
    let expected = try MappedFile.open(Self.path(file + ".txt")).array
    let model = try ModelFile.open(Self.path(file + ".bin"))
    #expect(GraphPrinter.text(of: model.graph) == String(decoding: expected, as: UTF8.self))
    #expect(try GraphParser.parse(String(decoding: expected, as: UTF8.self)) == model.graph)
  }

  @Test(arguments: operations) func holdsItsOperation(name: String) throws {
    let model = try ModelFile.open(Self.path("0.1.0/op-\(name).bin"))
    let mnemonic = String(name.prefix { $0 != "-" })
    #expect(model.graph.nodes.contains { $0.op.mnemonic == mnemonic })
  }

  @Test(arguments: ["tuned-avx2", "tuned-avx512", "packed-avx2", "packed-avx512", "tuned-packed-avx2"])
  func holdsItsSections(name: String) throws {
    let model = try ModelFile.open(Self.path("0.1.0/\(name).bin"))
    #expect(model.tunings.isEmpty == !name.hasPrefix("tuned"))
    #expect(model.packedConstants.isEmpty == !name.contains("packed"))
  }

  @Test(arguments: files, InstructionSet.available)
  func computesTheRecordedLogits(file: String, instructionSet: String) throws {
    let model = try ModelFile.open(Self.path(file + ".bin"))
    let shape = try #require(model.graph.imageInput).type.dims
    let folder = file.prefix { $0 != "/" }
    let input = try Self.array("\(folder)/input-\(shape.map(String.init).joined(separator: "x"))")
    let logits = try Self.array(file)
    #expect(logits.shape.first == Self.recorded.count && logits.shape.count == 3)
    let row = Self.recorded.firstIndex(of: instructionSet) ?? Self.recorded.count - 1
    let count = logits.count / Self.recorded.count
    let expected = Array(logits.floats()[row * count..<(row + 1) * count])
    for threads in [1, 2] {
      var options = SessionOptions(threads: threads)
      options.instructionSet = instructionSet
      let session = try Session(model: model, options: options)
      let found = try session.run(input.floats())
      expectClose(found.logits, expected, tolerance: 1e-6, "\(file), \(threads) threads")
    }
  }
}
