import FixresBase
import FixresFormats
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Imported ONNX models against what ONNX Runtime gave for them (Fixtures/onnx/expected.json).
@Suite struct OnnxNumericsTests {
  private static let expected: [String: [Float]] = {
    let path = TestData.fixture("onnx/expected.json")
    guard let bytes = try? MappedFile.open(path), let json = try? JSON.parse(bytes) else { return [:] }
    var logits: [String: [Float]] = [:]
    for member in json.objectValue?.members ?? [] {
      logits[member.key] = member.value.arrayValue?.compactMap { $0.doubleValue.map { Float($0) } }
    }
    return logits
  }()

  /// The sine that make_fixtures.py feeds to every runtime.
  private static func picture(_ graph: Graph) -> [Float] {
    let count = graph.imageInput?.type.elementCount ?? 0
    return (0..<count).map { Float(sin(Double($0) * 0.37 + Double($0 % 11) * 0.9)) }
  }

  private static func difference(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? .infinity : .infinity
  }

  @Test func logitsAreThoseOfONNXRuntime() throws {
    #expect(Self.expected.count == 14)
    for (name, logits) in Self.expected {
      let model = try Importer.load(path: TestData.fixture("onnx/" + name)).model
      let input = Self.picture(model.graph)
      let unfused = try Session(model: model).run(input).logits
      #expect(Self.difference(unfused, logits) < 1e-4, "\(name)")
      let fused = try Session(model: try Adapt.run(model, to: nil).model).run(input).logits
      #expect(Self.difference(fused, logits) < 1e-4, "\(name), fused")
    }
  }

  /// Every head, however it was baked, gives one row an image at other sizes too.
  @Test(arguments: [33, 48, 80]) func bakedHeadsGoToOtherSizes(_ side: Int) throws {
    for name in Self.expected.keys {
      let model = try Importer.load(path: TestData.fixture("onnx/" + name)).model
      let adapted = try Adapt.run(model, to: Extent(square: side)).model
      #expect(adapted.graph.resolution == Extent(square: side))
      #expect(adapted.classCount == 5)
      let unfolded = try Adapt.run(model, to: Extent(square: side), passes: ["retarget-resolution"]).model
      let input = Self.picture(adapted.graph)
      let (a, b) = (
        try Session(model: adapted).run(input).logits, try Session(model: unfolded).run(input).logits
      )
      #expect(a.count == 5)
      #expect(Self.difference(a, b) < 1e-4, "\(name) at \(side)")
    }
  }

  /// Keras networks adapted to another size against the same weights that tf2onnx exported at it.
  @Test func adaptedNetworksAreThoseExportedAtTheSize() throws {
    let bytes = try MappedFile.open(TestData.fixture("onnx/expected-sizes.json"))
    let files = try JSON.parse(bytes).objectValue?.members ?? []
    #expect(files.count == 3)
    for file in files {
      let model = try Importer.load(path: TestData.fixture("onnx/" + file.key)).model
      let sizes = file.value.objectValue?.members ?? []
      #expect(sizes.count == 4)
      for size in sizes {
        let logits = (size.value.arrayValue ?? []).compactMap { $0.doubleValue.map { Float($0) } }
        let adapted = try Adapt.run(model, to: Extent(square: try #require(Int(size.key)))).model
        let found = try Session(model: adapted).run(Self.picture(adapted.graph)).logits
        #expect(Self.difference(found, logits) < 1e-4, "\(file.key) at \(size.key)")
        let back = try Adapt.run(adapted, to: model.graph.resolution).model
        #expect(back.graph == (try Adapt.run(model, to: nil).model.graph), "\(file.key) from \(size.key)")
      }
    }
  }

  /// What is written as ONNX after folding and fusing computes the same when it is read back.
  @Test func fusedModelsSurviveExport() throws {
    let folder = try TemporaryFolder()
    for (name, logits) in Self.expected {
      let model = try Importer.load(path: TestData.fixture("onnx/" + name)).model
      let path = folder.path + "/fused.onnx"
      _ = try OnnxExporter.write(try Adapt.run(model, to: nil).model, to: path)
      let again = try Importer.load(path: path).model
      let found = try Session(model: again).run(Self.picture(again.graph)).logits
      #expect(Self.difference(found, logits) < 1e-4, "\(name)")
    }
  }
}
