import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

@Suite struct AdaptationTests {
  static func pictures(_ data: PictureFolder) throws -> LabelledPictures {
    let folder = try ImageFolder(path: data.folder.path)
    return LabelledPictures(path: folder.path, unlabelled: folder.entries.map(\.path))
  }

  static func preprocessor(_ model: Model) throws -> Preprocessor {
    try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
  }

  /// Rows `[N, ...]` of what `value` is over all pictures.
  static func rows(_ model: Model, _ value: ValueID, _ pictures: LabelledPictures) throws -> [[Float]] {
    let session = try Session(model: try Trunk.upTo(value, of: model))
    var rows: [[Float]] = []
    _ = try PictureRun(session, try preprocessor(model)).run(over: pictures) { rows.append(Array($0.logits)) }
    return rows
  }

  @Test func findsTheTail() throws {
    let model = try SmallModel.residual()
    let tail = try NetworkTail(model.graph)
    #expect(tail.classifier.weight == "fc.weight" && tail.classifier.bias == "fc.bias")
    #expect(tail.classifier.classes == 5 && tail.classifier.features == 8)
    #expect(tail.norm?.name == "layer1.0.bn2" && tail.norm?.positions == 256)
    #expect(tail.shortcut.map { model.graph[$0].name } == "relu")
    let folded = try Trunk.ready(model)
    #expect(try NetworkTail(folded.graph).norm == nil)
  }

  @Test(arguments: [
    ("resnet18", "layer4.1.bn2", true), ("resnet50", "layer4.2.bn3", true),
    ("resnext50", "layer4.2.bn3", true),
    ("resnet50d", "layer4.2.bn3", true), ("seresnet50", "layer4.2.bn3", false),
    ("resnet20", "layer3.2.bn2", true),
  ]) func findsTheTailOf(name: String, norm: String, isPlain: Bool) throws {
    let tail = try NetworkTail(try Model.syntheticResNet(name, side: 64).graph)
    #expect(tail.norm?.name == norm && (tail.shortcut != nil) == isPlain)
  }

  /// After the last batch norm's statistics were taken anew, what it gives has mean beta and deviation gamma.
  @Test(arguments: [BatchNormLayers.last, .all]) func statisticsAreExact(
    layers: BatchNormLayers
  ) throws {
    let data = try PictureFolder(classes: 2, perClass: 6)
    let pictures = try Self.pictures(data)
    var model = try Trunk.retargeted(SmallModel.residual(), to: Extent(square: 24))
    var adaptation = BatchNormAdaptation()
    adaptation.layers = layers
    let outcome = try adaptation.apply(
      to: &model, pictures: pictures, preprocessor: Self.preprocessor(model))
    #expect(outcome.images == 12 && outcome.norms == (layers == .all ? 3 : 1))
    let norms = NetworkTail.norms(model.graph)
    for norm in layers == .all ? norms : [norms[2]] {
      let rows = try Self.rows(model, model.graph[norm.node].result, pictures)
      let (gamma, beta) = (model.values(norm.scale), model.values(norm.shift))
      for channel in 0..<norm.channels {
        let values = rows.flatMap { $0[channel * norm.positions..<(channel + 1) * norm.positions] }
          .map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        #expect(abs(mean - Double(beta[channel])) < 1e-4)
        #expect(abs(variance.squareRoot() - Double(abs(gamma[channel]))) < 1e-3)
      }
    }
    #expect(model.metadata.history.last?.action == "bn-statistics")
    extendLifetime(data)
  }

  @Test func priorHoldsTheOldStatistics() throws {
    let data = try PictureFolder(classes: 1, perClass: 3)
    let pictures = try Self.pictures(data)
    let start = try SmallModel.residual()
    var (exact, blended) = (start, start)
    var adaptation = BatchNormAdaptation()
    _ = try adaptation.apply(to: &exact, pictures: pictures, preprocessor: Self.preprocessor(start))
    adaptation.prior = 9
    _ = try adaptation.apply(to: &blended, pictures: pictures, preprocessor: Self.preprocessor(start))
    let norm = try #require(NetworkTail(start.graph).norm)
    for (place, old) in start.values(norm.mean).enumerated() {
      let expected = 0.25 * exact.values(norm.mean)[place] + 0.75 * old
      #expect(abs(blended.values(norm.mean)[place] - expected) < 1e-5)
    }
    extendLifetime(data)
  }

  @Test func foldedModelsAreRefused() throws {
    let data = try PictureFolder(classes: 1, perClass: 1)
    let pictures = try Self.pictures(data)
    var model = try Trunk.ready(SmallModel.residual())
    #expect(throws: MethodError.pass(.batchNormFolded(convolutions: 3))) {
      try BatchNormAdaptation().apply(
        to: &model, pictures: pictures, preprocessor: Self.preprocessor(model))
    }
    extendLifetime(data)
  }

  @Test func equalisationIsANodeOrIsAbsorbed() throws {
    let start = try SmallModel.residual(side: 16)
    let map = Equalisation(
      test: FrechetLaw(mu: 0.55, sigma: 0.45), reference: FrechetLaw(mu: 0.4, sigma: 0.25))
    var (noded, absorbed) = (start, start)
    try map.insert(into: &noded)
    try map.absorb(into: &absorbed)
    var random = SeededRandom(seed: 2)
    let input = (0..<3 * 16 * 16).map { _ in Float(random.nextGaussian()) }
    let before = try Session(model: start).run(input)
    let (scale, offset) = (Float(map.map.scale), Float(map.map.offset))
    func logits(_ features: [Float]) -> [Float] {
      (0..<5).map { row in
        zip(start.values("fc.weight")[row * 8..<row * 8 + 8], features).reduce(start.values("fc.bias")[row]) {
          $0 + $1.0 * $1.1
        }
      }
    }
    for (model, mapped) in [
      (noded, before.features.map { $0 > 0 ? max(0, scale * $0 + offset) : 0 }),
      (absorbed, before.features.map { scale * $0 + offset }),
    ] {
      let found = try Session(model: try Trunk.ready(model)).run(input)
      #expect(zip(found.logits, logits(mapped)).allSatisfy { abs($0 - $1) < 1e-4 })
    }
    let found = try Session(model: noded).run(input).features
    #expect(
      zip(found, before.features).allSatisfy { abs($0 - ($1 > 0 ? max(0, scale * $1 + offset) : 0)) < 1e-5 })
  }

  /// Half the mean and half the maximum over windows of the training map, by the definition.
  @Test func testPool() throws {
    let start = try SmallModel.residual(side: 16)
    var model = try Trunk.retargeted(start, to: Extent(square: 24))
    let map = try #require(model.graph.value(named: "layer1.0.relu2"))
    let rows = try Self.input(24)
    let part = try Session(model: try Trunk.upTo(map, of: model)).run(rows).logits
    try TestPool.apply(to: &model, train: Extent(square: 16))
    let (side, kernel) = (12, 8)
    var scores: [[Double]] = []
    for top in 0...side - kernel {
      for left in 0...side - kernel {
        let features = (0..<8).map { channel in
          var sum = 0.0
          for y in top..<top + kernel {
            for x in left..<left + kernel { sum += Double(part[(channel * side + y) * side + x]) }
          }
          return sum / Double(kernel * kernel)
        }
        scores.append(
          (0..<5).map { row in
            (0..<8).reduce(Double(start.values("fc.bias")[row])) {
              $0 + Double(start.values("fc.weight")[row * 8 + $1]) * features[$1]
            }
          })
      }
    }
    let expected = (0..<5).map { row in
      let column = scores.map { $0[row] }
      return 0.5 * column.reduce(0, +) / Double(column.count) + 0.5 * (column.max() ?? 0)
    }
    let found = try Session(model: try Trunk.ready(model)).run(rows).logits
    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 })
    #expect(model.metadata.preprocessing.cropShare == 1)
    var small = start
    #expect(throws: MethodError.self) { try TestPool.apply(to: &small, train: Extent(square: 16)) }
  }

  static func input(_ side: Int) throws -> [Float] {
    var random = SeededRandom(seed: 5)
    return (0..<3 * side * side).map { _ in Float(random.nextGaussian()) }
  }

  @Test func shiftsOfTheAuthors() {
    #expect(Augmentation.shift(slack: 0, magnitude: 0.9, sign: 1) == 0)
    #expect(Augmentation.shift(slack: 16, magnitude: 0, sign: -1) == 0)
    #expect(Augmentation.shift(slack: 16, magnitude: 0.9999, sign: -1) == -16)
    let shifts = (0..<1700).map {
      Augmentation.shift(slack: 16, magnitude: (Double($0) + 0.5) / 1700, sign: 1)
    }
    #expect(Set(shifts) == Set(0...16) && shifts.count { $0 == 3 } == 100)
  }

  @Test func flipIsAMirrorImage() throws {
    let picture = try #require(
      Picture(width: 20, height: 20, rgb: (0..<1200).map { UInt8(truncatingIfNeeded: $0 &* 37) }))
    let preprocessor = try Preprocessor(.imageNet, size: Extent(square: 16))
    let flip = Augmentation(.flip)
    #expect(flip.variantCount == 2)
    let plain = try flip.picture(from: picture, preprocessor, index: 4)
    let mirrored = try flip.picture(from: picture, preprocessor, index: 5)
    #expect(plain.rgb == (try preprocessor.picture(from: picture)).rgb)
    for y in 0..<16 {
      for x in 0..<16 {
        let (a, b) = (3 * (16 * y + x), 3 * (16 * y + 15 - x))
        #expect(Array(plain.rgb[a..<a + 3]) == Array(mirrored.rgb[b..<b + 3]))
      }
    }
    let shift = Augmentation(.shift, seed: 1)
    let first = try shift.picture(from: picture, preprocessor, index: 0).rgb
    #expect(try shift.picture(from: picture, preprocessor, index: 0).rgb == first)
    #expect(try (1..<4).contains { try shift.picture(from: picture, preprocessor, index: $0).rgb != first })
  }
}
