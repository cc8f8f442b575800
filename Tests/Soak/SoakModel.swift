import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime
import TestSupport

/// A model of the soak, in memory and in a file.
struct SoakModel: Sendable {
  let path: String
  let model: Model
  /// Height and width of its pictures.
  let side: Int
  let preprocessor: Preprocessor

  private init(path: String, model: Model) throws {
    (self.path, self.model) = (path, model)
    side = model.graph.resolution.height
    preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
  }

  /// Narrow ResNets of every kind at several sizes, written to `folder`, some with packed weights; then those at the
  /// paths `extra`.
  static func all(in folder: String, extra: [String]) throws -> [SoakModel] {
    let kinds = [
      ("resnet18", 64, 16), ("resnet50", 96, 16), ("seresnet50", 48, 8), ("resnext50", 64, 16),
      ("resnet50d", 80, 8), ("resnet20", 32, 16), ("resnet34", 33, 8),
    ]
    var models = try kinds.enumerated().map { index, kind in
      var model = try Model.syntheticResNet(kind.0, side: kind.1, width: kind.2, seed: UInt64(index))
      let path = "\(folder)/\(kind.0)-\(kind.1).bin"
      if index % 2 == 1 {
        let session = try Session(model: model, options: SessionOptions(packsAtOpen: true))
        model.packedConstants = try session.packedConstants(of: model)
      }
      try ModelFile.write(model, to: path)
      return try SoakModel(path: path, model: try ModelFile.open(path))
    }
    for path in extra { models.append(try SoakModel(path: path, model: try ModelFile.open(path))) }
    return models
  }
}
