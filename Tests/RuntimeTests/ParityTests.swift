import FixresBase
import FixresFormats
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// The tiny networks of Tests/Fixtures/architectures, each in a naming and container of its own, against torch.
@Suite struct ParityTests {
  /// One entry of manifest.json.
  struct Fixture: Sendable, CustomTestStringConvertible {
    var name: String
    var file: String
    var architecture: String?
    var arch: String?
    var resolutions: [Int]

    var testDescription: String { name }
    var folder: String { TestData.fixture("architectures/\(name)/") }

    static let all: [Fixture] = {
      guard let bytes = try? MappedFile.open(TestData.fixture("architectures/manifest.json")),
        let entries = try? JSON.parse(bytes).arrayValue
      else { return [] }
      return entries.map { entry in
        Fixture(
          name: entry["name"]?.stringValue ?? "", file: entry["file"]?.stringValue ?? "",
          architecture: entry["architecture"]?.stringValue, arch: entry["arch"]?.stringValue,
          resolutions: (entry["resolutions"]?.arrayValue ?? []).compactMap(\.integerValue))
      }
    }()

    func load(trainedAt side: Int) throws -> ImportResult {
      var options = ImportOptions()
      options.architecture = arch
      options.trainResolution = Extent(square: side)
      return try Importer.load(path: folder + file, options: options)
    }
  }

  /// The inputs of networks.py: integer hashes, exact in float32.
  static func pictures(_ count: Int, _ side: Int) -> [Float] {
    func mix(_ parts: [Int]) -> Int {
      var value: UInt64 = 0x9E37_79B9
      for part in parts {
        value = ((value ^ UInt64(part)) &* 0x85EB_CA6B) & 0xFFFF_FFFF
        value ^= value >> 15
      }
      return Int(value)
    }
    var result: [Float] = []
    result.reserveCapacity(count * 3 * side * side)
    for n in 0..<count {
      for c in 0..<3 {
        let tint = Float(mix([n + 11, c, 0, 0]) % 128) / 64 - 1
        for y in 0..<side {
          for x in 0..<side {
            let patch = Float(mix([n, c, y / 8, x / 8]) % 256) / 64 - 2
            let pixel = Float(mix([n + 97, c, y, x]) % 64) / 128 - 0.25
            result.append(patch + pixel + tint)
          }
        }
      }
    }
    return result
  }

  private func expect(_ found: [Float]?, equals file: String, _ context: String) throws {
    let expected = try Npy.read(try MappedFile.open(file)).floats()
    let found = try #require(found)
    #expect(found.count == expected.count)
    let scale = expected.map(abs).max() ?? 0
    let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference <= 1e-5 * scale, "\(context): \(difference) of \(scale)")
    // Images that the network tells apart by more than a hundred tolerances: agreeing by accident is impossible.
    let half = expected.count / 2
    let spread = zip(expected[..<half], expected[half...]).map { abs($0 - $1) }.max() ?? 0
    #expect(spread > 1e-3 * scale)
  }

  @Test func everyFixtureIsThere() { #expect(Fixture.all.count >= 14) }

  /// The oracle and the engine on `model`, both outputs against what torch gave at `side`.
  private func check(_ model: Model, _ fixture: Fixture, at side: Int, _ context: String) throws {
    let input = Self.pictures(2, side)
    let oracle = try ReferenceInterpreter(model, input: input, batch: 2)
    let engine = try Session(model: model, options: SessionOptions(threads: 1, maximumBatch: 2)).run(input)
    for (output, found) in [(GraphOutput.logits, engine.logits), (GraphOutput.features, engine.features)] {
      let file = fixture.folder + "\(output)-\(side).npy"
      try expect(oracle.output(output)?.elements, equals: file, "\(context) oracle: \(output) at \(side)")
      try expect(found, equals: file, "\(context) engine: \(output) at \(side)")
    }
  }

  @Test(arguments: Fixture.all)
  func unfusedGraphGivesTorchsLogits(_ fixture: Fixture) throws {
    for side in fixture.resolutions {
      let result = try fixture.load(trainedAt: side)
      if let name = fixture.architecture { #expect(result.architecture == name) }
      try check(result.model, fixture, at: side, "unfused")
    }
  }

  @Test(arguments: Fixture.all)
  func adaptedGraphGivesTorchsLogits(_ fixture: Fixture) throws {
    let model = try fixture.load(trainedAt: fixture.resolutions[0]).model
    for side in fixture.resolutions {
      let adapted = try Adapt.run(model, to: Extent(square: side)).model
      #expect(!adapted.graph.nodes.contains { if case .batchNorm = $0.op { true } else { false } })
      try check(adapted, fixture, at: side, "adapted")
    }
  }
}
