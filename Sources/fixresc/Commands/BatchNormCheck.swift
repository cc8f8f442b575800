import FixresBase
import FixresIR
import FixresMethod

/// A warning where the pictures at hand show that a network is computed otherwise than it was trained.
enum BatchNormCheck {
  /// Runs a few of the pictures at `paths` through `model`, unless its batch norms are folded or references have verified it,
  /// and warns of a gross misfit.
  ///
  /// - Throws: What running the network refuses.
  static func warn(_ model: Model, at size: Extent?, _ paths: [String], _ invocation: Invocation) throws {
    guard model.metadata.verified == nil, Trunk.hasBatchNorms(model) else { return }
    var network = model
    if let size, size != model.graph.resolution { network = try Trunk.retargeted(model, to: size) }
    let witness = try BatchNormWitness(
      network, paths, PictureSource.preprocessor(for: network, invocation),
      options: ModelSource.sessionOptions(invocation))
    switch witness?.verdict {
    case nil, .plausible: break
    case .otherNetwork:
      invocation.console.warn(
        "these pictures give other activations than the batch norms stored in training (divergence "
          + "\(Text.significant(witness?.deeper ?? 0)), of a right network below 0.1): a fact of the network may be wrong; "
          + "--reference IN:OUT finds it, --network states it")
    case .otherScale:
      invocation.console.warn(
        "these pictures come to the network on another scale than in training: --input-scale, --mean and --std "
          + "state theirs")
    }
  }
}
