import FixresBase
import FixresIR

/// An adapted model and a report of the passes.
package struct AdaptResult: Sendable {
  package let model: Model
  package let passes: [PassReport]
  /// Multiply-accumulates for one image at the old size.
  package let macsBefore: Int
  /// Multiply-accumulates for one image at the new size.
  package let macsAfter: Int
  package let notes: [PassNote]
}

/// Rewrites a model for a test resolution and for fast inference.
package enum Adapt {
  /// `model` retargeted to `target` (nil keeps the size), then through `passes` (nil: the default ones).
  ///
  /// - Throws: What the choice of passes or a pass refuses.
  package static func run(
    _ model: Model, to target: Extent? = nil, passes: [String]? = nil, options: PassOptions = PassOptions(),
    observer: PassDriver.Observer? = nil
  ) throws(PassError) -> AdaptResult {
    let pipeline = try Pipeline(passes, to: target)
    var driver = PassDriver(options, observer: observer)
    let result = try driver.run(pipeline.passes, on: model)
    return summary(from: model, to: result, driver)
  }

  /// As `run`, with `adaptation` between retargeting and folding, on the unfolded model at the new size.
  package static func run(
    _ model: Model, to target: Extent? = nil, passes: [String]? = nil, options: PassOptions = PassOptions(),
    observer: PassDriver.Observer? = nil, adaptation: (inout Model) throws -> Void
  ) throws -> AdaptResult {
    let start = try RetargetedModel(model, to: target, passes: passes, options: options, observer: observer)
    var adapted = start.model
    try adaptation(&adapted)
    return try start.finish(adapted)
  }

  /// - Throws: `batchNormFolded` where no statistics are left to adapt.
  package static func requireAdaptable(_ model: Model) throws(PassError) {
    guard hasFoldedBatchNorm(model) else { return }
    let convolutions = model.graph.nodes.count { node in
      if case .conv2d = node.op { true } else { false }
    }
    throw .batchNormFolded(convolutions: convolutions)
  }

  static func summary(from model: Model, to result: Model, _ driver: PassDriver) -> AdaptResult {
    var notes = driver.notes
    if hasFoldedBatchNorm(model) { notes.append(.batchNormAlreadyFolded) }
    notes += nonFiniteNotes(of: result, folded: model)
    return AdaptResult(
      model: result, passes: driver.reports, macsBefore: model.graph.multiplyAccumulates,
      macsAfter: result.graph.multiplyAccumulates, notes: notes)
  }

  /// Warnings for constants that no pass has changed; folded ones are checked when they are computed.
  private static func nonFiniteNotes(of model: Model, folded source: Model) -> [PassNote] {
    let names = model.constants.names.filter { name in
      guard let old = source.constants[name], let new = model.constants[name] else { return false }
      return old.bytes.unsafeBase == new.bytes.unsafeBase
    }
    return names.compactMap { name in
      let count = model.constants[name]?.nonFiniteCount ?? 0
      return count > 0 ? .nonFinite(tensor: name, count: count) : nil
    }
  }
}
