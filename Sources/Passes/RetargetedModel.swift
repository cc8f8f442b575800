import FixresIR

/// An adaptation that has reached the new size and not folded anything yet: the point at which statistics and features
/// can be adapted.
package struct RetargetedModel {
  /// The model at the new size, its batch norms intact.
  package let model: Model
  private let source: Model
  private let driver: PassDriver
  private let remainingPasses: [any Pass]

  /// Retargets `model` to `target` (nil keeps the size), as the first of `passes` (nil: the default ones).
  ///
  /// - Throws: `PassError.batchNormFolded` where there are no statistics left, and what the passes refuse.
  package init(
    _ model: Model, to target: Extent?, passes: [String]?, options: PassOptions,
    observer: PassDriver.Observer?
  ) throws(PassError) {
    let pipeline = try Pipeline(passes, to: target)
    try Adapt.requireAdaptable(model)
    var driver = PassDriver(options, observer: observer)
    let split = pipeline.passes.prefix { $0 is RetargetResolution }.count
    self.model = try driver.run(Array(pipeline.passes[..<split]), on: model)
    source = model
    self.driver = driver
    remainingPasses = Array(pipeline.passes[split...])
  }

  /// Runs the remaining passes on `adapted`, which is `model` after its adaptation.
  ///
  /// - Throws: What a pass refuses.
  package func finish(_ adapted: Model) throws(PassError) -> AdaptResult {
    var driver = driver
    let result = try driver.run(remainingPasses, on: adapted)
    return Adapt.summary(from: source, to: result, driver)
  }
}
