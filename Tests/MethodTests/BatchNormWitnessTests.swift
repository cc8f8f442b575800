import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// Batch-norm statistics as a witness: silent for right and for random networks, loud for gross misfits.
@Suite struct BatchNormWitnessTests {
  private let pictures: PictureFolder
  private let paths: [String]

  init() throws {
    pictures = try PictureFolder(classes: 2, perClass: 4)
    paths = try ImageFolder(path: pictures.folder.path).entries.map(\.path)
  }

  private func witness(_ model: Model, _ rule: Preprocessing = .imageNet) throws -> BatchNormWitness {
    let preprocessor = try Preprocessor(rule, size: model.graph.resolution)
    return try #require(try BatchNormWitness(model, paths, preprocessor))
  }

  /// A network whose batch norms hold the statistics of these pictures, as a trained one's do.
  private func trained() throws -> Model {
    var model = try Model.syntheticResNet("resnet18", side: 48)
    var adaptation = BatchNormAdaptation()
    adaptation.layers = .all
    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
    _ = try adaptation.apply(
      to: &model, pictures: LabelledPictures(path: "p", unlabelled: paths), preprocessor: preprocessor)
    return model
  }

  @Test func aTrainedNetworkIsPlausible() throws {
    let found = try witness(try trained())
    #expect(found.first < 0.05 && found.deeper < 0.1 && found.verdict == .plausible, "\(found)")
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func randomNetworksAreNotSuspected(seed: UInt64) throws {
    for name in ["resnet18", "resnet50"] {
      let found = try witness(try Model.syntheticResNet(name, side: 48, seed: seed))
      #expect(found.verdict == .plausible, "\(name) \(found)")
    }
  }

  @Test func aMissingActivationShows() throws {
    let model = try trained()
    var rewriter = Rewriter(model.graph)
    for node in rewriter.nodeIDs {
      if case .relu = rewriter[node].op {
        try rewriter.update(node, op: .identity(.init()), operands: rewriter[node].operands)
      }
    }
    let linear = try Model(graph: rewriter.finish(), constants: model.constants, metadata: model.metadata)
    let found = try witness(linear)
    #expect(found.verdict == .otherNetwork, "\(found)")
  }

  @Test func anotherScaleShows() throws {
    var rule = Preprocessing.imageNet
    (rule.inputScale, rule.mean, rule.standardDeviation) = (.byte, [0, 0, 0], [1, 1, 1])
    #expect(try witness(try trained(), rule).verdict == .otherScale)
  }
}
