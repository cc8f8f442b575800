import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// The whole way from a checkpoint and photos to logits, against what torch and Pillow gave for the same photos.
/// Runs where a checkout has `../shared` beside it, and is skipped elsewhere.
@Suite(.enabled(if: SharedReference.isPresent, "needs ../shared, which this checkout has not"))
struct SharedReferenceTests {
  /// How far the model has been taken towards its fast form.
  enum Stage: String, CaseIterable, Sendable {
    case unfolded, folded, fused

    var passes: [String]? {
      switch self {
      case .unfolded: ["retarget-resolution"]
      case .folded: ["retarget-resolution", "fold-batch-norm"]
      case .fused: nil
      }
    }
  }

  @Test func bothContainersGiveTheSameModel() throws {
    let torch = try SharedReference.model(".pth")
    let safetensors = try SharedReference.model(".safetensors")
    #expect(GraphPrinter.text(of: torch.graph) == GraphPrinter.text(of: safetensors.graph))
    #expect(torch.graph == safetensors.graph)
    #expect(torch.constants == safetensors.constants)
  }

  @Test(arguments: [112, 160]) func pixelsEqualPillows(side: Int) throws {
    let reference = try #require(try SharedReference.array("pixels-\(side).npy").uint8s())
    let photos = try SharedReference.photos()
    let preprocessor = try Preprocessor(.imageNet, size: Extent(square: side))
    let byteCount = side * side * 3
    for place in 0..<10 {
      let picture = try preprocessor.picture(from: try MappedFile.open(photos[place * 10]))
      let expected = reference[(place * byteCount)..<((place + 1) * byteCount)]
      #expect(picture.rgb.elementsEqual(expected), "photo \(place * 10)")
    }
  }

  @Test(arguments: [64, 112, 144, 160, 224], Stage.allCases)
  func logitsAndFeaturesEqualTorchs(side: Int, stage: Stage) throws {
    let model = try Adapt.run(
      try SharedReference.model(".safetensors"), to: Extent(square: side), passes: stage.passes
    ).model
    let session = try Session(model: model)
    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
    let photos = try SharedReference.photos()
    let logits = try SharedReference.array("resnet18w32-logits-\(side).npy").floats()
    let features = try SharedReference.array("resnet18w32-features-\(side).npy").floats()
    var greatest: (logits: Float, features: Float) = (0, 0)
    for (index, photo) in photos.enumerated() {
      let picture = try preprocessor.picture(from: try MappedFile.open(photo))
      let output = try session.run(preprocessor.input(from: picture))
      for (place, value) in output.logits.enumerated() {
        greatest.logits = max(greatest.logits, abs(value - logits[index * output.logits.count + place]))
      }
      for (place, value) in output.features.enumerated() {
        greatest.features = max(
          greatest.features, abs(value - features[index * output.features.count + place]))
      }
    }
    #expect(greatest.logits < 1e-4)
    #expect(greatest.features < 1e-4)
  }
}

/// What `../shared` holds.
private enum SharedReference {
  static let isPresent = TestData.shared("reference/images.txt") != nil

  struct Missing: Error { let name: String }

  static func path(_ name: String) throws -> String {
    guard let path = TestData.shared(name) else { throw Missing(name: name) }
    return path
  }

  static func model(_ suffix: String) throws -> Model {
    try Importer.load(
      path: try path("models/resnet18w32-imagenette-r112" + suffix), options: ImportOptions()
    ).model
  }

  static func array(_ name: String) throws -> NpyArray {
    try Npy.read(try MappedFile.open(try path("reference/" + name)))
  }

  static func photos() throws -> [String] {
    let list = try MappedFile.open(try path("reference/images.txt")).array
    return try String(decoding: list, as: UTF8.self).split(separator: "\n").map { line in
      try path(line.hasPrefix("data/") ? String(line) : "data/imagenette160/" + line)
    }
  }
}
