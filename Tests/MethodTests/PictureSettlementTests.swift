import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// One photo and what the whole pipeline gave for it settles how pictures become inputs.
@Suite struct PictureSettlementTests {
  private let folder: TemporaryFolder
  private let source: ImportResult
  private let photo: Bytes

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.path + "/net.safetensors"
    _ = try SafeTensorsExporter.write(try Model.syntheticResNet("resnet18", side: 48, width: 4), to: path)
    var options = ImportOptions()
    options.trainResolution = Extent(48, 48)
    source = try Importer.load(path: path, options: options)
    // Higher than wide, and with a margin of 17.5 rows, so that each rule gives other pixels.
    photo = Self.picture(width: 62, height: 96)
  }

  /// A smooth picture with edges, as PPM.
  private static func picture(width: Int, height: Int) -> Bytes {
    var random = SeededRandom(seed: 11)
    let slopes = (0..<6).map { _ in random.nextDouble() * 6 - 3 }
    var bytes = Array("P6 \(width) \(height) 255\n".utf8)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<3 {
          let wave = Double(x) * slopes[channel] + Double(y) * slopes[channel + 3]
          let edge = (x / 9 + y / 7 + channel) % 3 == 0 ? 60 : 0
          bytes.append(UInt8(min(max(Int(wave) % 97 + 100 + edge, 0), 255)))
        }
      }
    }
    return Bytes(bytes)
  }

  private func pair(_ rule: Preprocessing, of other: Bytes? = nil) throws -> ReferencePair {
    let photo = other ?? self.photo
    let preprocessor = try Preprocessor(rule, size: Extent(48, 48))
    let input = preprocessor.input(from: try preprocessor.picture(from: photo))
    let scores = try Session(model: Trunk.ready(source.model), options: SessionOptions(isExact: true)).run(
      input)
    return ReferencePair(
      name: "photo.ppm",
      input: .picture(
        .init(bytes: photo, preprocessing: source.model.metadata.preprocessing, size: Extent(48, 48))),
      outputs: Tensor(shape: [1, scores.logits.count], scores.logits))
  }

  static let pipelines: [Preprocessing] = {
    var v2 = Preprocessing(), caffe = Preprocessing(), face = Preprocessing()
    v2.cropRatio = .sides(crop: 224, resized: 232)
    (caffe.channelOrder, caffe.inputScale) = (.bgr, .byte)
    (caffe.mean, caffe.standardDeviation) = ([103.939, 116.779, 123.68], [1, 1, 1])
    (face.cropRounding, face.squashFrom, face.interpolation) = (.down, 384, .bicubic)
    return [
      v2, caffe, face, Preprocessing(interpolation: .bicubic, cropShare: 0.95),
      Preprocessing(interpolation: .bicubic, cropShare: 1), Preprocessing(resizeRule: .squash, cropShare: 1),
      Preprocessing(resizeRule: .height),
      Preprocessing(mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5]),
    ]
  }()

  @Test(arguments: pipelines.indices) func onePhotoFindsThePipeline(index: Int) throws {
    let truth = Self.pipelines[index]
    var settlement = ReferenceSettlement(source, isSettled: false)
    var pairs = [try pair(truth)]
    let report = try settlement.run(&pairs) { _, _ in }
    let found = settlement.result.model.metadata.preprocessing
    #expect(report.results.allSatisfy { $0.fits })
    // On another picture too.
    let other = Self.picture(width: 61, height: 133)
    let (a, b) = (
      try Preprocessor(found, size: Extent(48, 48)), try Preprocessor(truth, size: Extent(48, 48))
    )
    #expect(try a.input(from: a.picture(from: other)) == b.input(from: b.picture(from: other)), "\(report)")
    let facts = settlement.result.model.metadata.facts
    #expect(facts.first { $0.name == "filter" }?.source == .reference)
  }

  @Test func whatThePhotoCannotTellStaysAssumed() throws {
    // Of a wide picture the height is the shorter side.
    let wide = Self.picture(width: 96, height: 62)
    var settlement = ReferenceSettlement(source, isSettled: false)
    let truth = Preprocessing(interpolation: .bicubic, cropShare: 0.95)
    var pairs = [try pair(truth, of: wide)]
    let report = try settlement.run(&pairs) { _, _ in }
    #expect(
      report.open.contains { $0.hasPrefix("resize-rule=shorter-side") && $0.contains("height") },
      "\(report.open)")
    let metadata = settlement.result.model.metadata
    #expect(metadata.preprocessing.cropShare == 0.95 && metadata.preprocessing.interpolation == .bicubic)
    #expect(metadata.facts.first { $0.name == "resize-rule" }?.isAssumption == true)
    #expect(metadata.facts.first { $0.name == "crop-share" }?.source == .reference)
  }

  @Test func aPictureThatNothingFitsIsRefused() throws {
    var pairs = [try pair(.imageNet)]
    let scores = pairs[0].outputs.floats
    pairs[0] = ReferencePair(
      name: "photo.ppm", input: pairs[0].input,
      outputs: Tensor(shape: [1, scores.count], scores.map { -$0 }))
    var settlement = ReferenceSettlement(source, isSettled: true)
    #expect(throws: MethodError.self) { try settlement.run(&pairs) { _, _ in } }
  }
}
