import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime

/// Adapts a trained network to a test resolution: retargeted, its statistics adapted where asked for, folded, fused,
/// proved equal to the unfolded network, tuned and packed where asked for. This is what `fixresc adapt` does.
public struct Adaptation {
  /// Makes the preprocessor that pictures are read with, given the model at the resolution at which it runs.
  package typealias PreprocessorMaker = (Model) throws(ImageError) -> Preprocessor

  private let source: Model
  private let options: AdaptationOptions
  private let preprocessor: PreprocessorMaker
  private let observe: (AdaptationEvent) -> Void

  /// An adaptation of `model`; pictures are read as the model's metadata says.
  public init(_ model: Model, options: AdaptationOptions = AdaptationOptions()) {
    self.init(model, options: options, preprocessor: Self.ownPreprocessor)
  }

  /// An adaptation of `model` that reads pictures with `preprocessor` and reports to `observe`.
  package init(
    _ model: Model, options: AdaptationOptions, preprocessor: @escaping PreprocessorMaker,
    observe: @escaping (AdaptationEvent) -> Void = { _ in }
  ) {
    (source, self.options) = (model, options)
    (self.preprocessor, self.observe) = (preprocessor, observe)
  }

  private static func ownPreprocessor(_ model: Model) throws(ImageError) -> Preprocessor {
    try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
  }

  /// Adapts the model.
  ///
  /// - Throws: `MethodError.pass` where a pass refuses the network, `runtime` where a network does not fit in memory, its
  ///   packed weights are not what its constants give, or its file was changed meanwhile, `passFailed`, `proofFailed` or
  ///   `headProofFailed` where the result computes something else, and what the adaptations of
  ///   statistics and features refuse.
  public func run() throws(MethodError) -> AdaptedModel {
    do { try PackedWeightCheck.verify(source) } catch { throw .runtime(error) }
    var unfolded = source
    var result = try rewrite(&unfolded)
    for note in result.notes { observe(.note(note)) }
    try requireMemory(result.model.graph)
    observe(.rewritten(result))
    if options.proves {
      result.proof = try prove(result.model, unfolded)
      result.headProof = try proveHead(result)
      result.otherProof = try proveElsewhere(result.model, unfolded)
    }
    result.tuning = try tune(&result.model)
    result.packing = try pack(&result.model)
    do { try source.requireUnchangedFiles() } catch { throw .runtime(.model(error)) }
    return result
  }

  // MARK: - Passes

  /// Runs the passes, verified where that is asked for; `unfolded` becomes the model that they fold and fuse.
  private func rewrite(_ unfolded: inout Model) throws(MethodError) -> AdaptedModel {
    let verifier = options.verifiesPasses ? PassVerifier() : nil
    let observer: PassDriver.Observer = { [observe] event in
      if case .changed(let pass, let before, let after) = event {
        verifier?.verify(pass, before: before, after: after)
      } else {
        observe(.pass(event))
      }
    }
    var result = try rewrite(&unfolded, observer)
    if let failure = verifier?.failure { throw failure }
    result.verifications = verifier?.verifications ?? []
    result.unverifiedPasses = verifier?.unverified ?? []
    return result
  }

  private func rewrite(
    _ unfolded: inout Model, _ observer: @escaping PassDriver.Observer
  ) throws(MethodError) -> AdaptedModel {
    var driver = options.driver
    driver.reportsNetworks = options.verifiesPasses
    guard options.adaptsFeatures else {
      do {
        let result = try Adapt.run(
          source, to: options.resolution, passes: options.passes, options: driver, observer: observer)
        return AdaptedModel(result, features: FeatureAdaptations())
      } catch {
        throw .pass(error)
      }
    }
    let start: RetargetedModel
    do {
      start = try RetargetedModel(
        source, to: options.resolution, passes: options.passes, options: driver, observer: observer)
    } catch {
      throw .pass(error)
    }
    unfolded = start.model
    let features = try adaptFeatures(of: &unfolded)
    do {
      return AdaptedModel(try start.finish(unfolded), features: features)
    } catch {
      throw .pass(error)
    }
  }

  /// Refuses a resolution at which even the largest layer, its input and its result, does not fit in memory.
  private func requireMemory(_ graph: Graph) throws(MethodError) {
    let needed =
      graph.nodes.map { node in
        (node.operands + [node.result]).reduce(0) { $0.addingSaturated(graph[$1].type.elementCount * 4) }
      }.max() ?? 0
    let available = MachineMemory.availableByteCount()
    guard needed <= available else {
      throw .runtime(.planTooLarge(needed: needed, available: available))
    }
  }

  // MARK: - Statistics and features

  private func adaptFeatures(of model: inout Model) throws(MethodError) -> FeatureAdaptations {
    var done = FeatureAdaptations()
    if let batchNorms = options.batchNorms { done.batchNorms = try renew(batchNorms, &model) }
    if let law = options.featureLaw { done.equalisation = try equalise(law, &model) }
    if options.usesTestPool {
      guard let train = source.metadata.trainResolution else { throw .unknownTrainResolution }
      try TestPool.apply(to: &model, train: train)
      observe(.usedTestPool(train: train))
      done.testPool = train
    }
    return done
  }

  private func renew(
    _ batchNorms: AdaptationOptions.BatchNorms, _ model: inout Model
  ) throws(MethodError) -> BatchNormAdaptation.Outcome {
    var adaptation = BatchNormAdaptation()
    (adaptation.layers, adaptation.prior) = (batchNorms.layers, batchNorms.prior)
    adaptation.options = options.session
    let outcome = try adaptation.apply(
      to: &model, pictures: batchNorms.pictures, preprocessor: preprocessor(for: model)
    ) { pass, passes, done, total in
      observe(.pictures(phase: "statistics", done: pass * total + done, total: passes * total))
    }
    observe(.renewedBatchNorms(outcome))
    return outcome
  }

  private func equalise(
    _ law: AdaptationOptions.FeatureLaw, _ model: inout Model
  ) throws(MethodError) -> Equalisation {
    guard let train = source.metadata.trainResolution else { throw .unknownTrainResolution }
    let reference = try fit(source, at: train, law.pictures)
    let test = try fit(model, at: model.graph.resolution, law.pictures)
    let map = Equalisation(test: test, reference: reference)
    if law.isAbsorbed { try map.absorb(into: &model) } else { try map.insert(into: &model) }
    observe(.equalised(map))
    return map
  }

  /// The law of `model`'s pooled features at `size`.
  private func fit(
    _ model: Model, at size: Extent, _ pictures: LabelledPictures
  ) throws(MethodError) -> FrechetLaw {
    let ready: Model
    do { ready = try Trunk.ready(model, at: size) } catch { throw .pass(error) }
    let session: Session
    do { session = try Session(model: ready, options: options.session) } catch { throw .runtime(error) }
    let set = try FeatureSet(session, preprocessor(for: ready), pictures, model: ready) { done, total in
      observe(.pictures(phase: "features at \(size)", done: done, total: total))
    }
    guard let fit = set.statistics.frechet else { throw .noFrechetFit(resolution: size) }
    return fit.law
  }

  private func preprocessor(for model: Model) throws(MethodError) -> Preprocessor {
    do { return try preprocessor(model) } catch { throw .image(error) }
  }

  // MARK: - Proofs

  /// Tells how far a proof has come, in billions of multiply-adds.
  private func proving(_ done: Int, _ total: Int) {
    observe(.pictures(phase: "proof (billions of multiply-adds)", done: done, total: total))
  }

  /// Runs the network at the new resolution before and after folding and fusing.
  private func prove(_ model: Model, _ unfolded: Model) throws(MethodError) -> Proof {
    let original = try retargeted(unfolded, to: model.graph.resolution)
    let proof = try Proof(model, against: original, session: options.session, observe: proving)
    guard proof.holds else {
      throw .proofFailed(difference: proof.deviation.difference, limit: proof.limit)
    }
    observe(.proved(proof))
    return proof
  }

  /// Where fixed pools became global, runs the rewritten network at its original resolution beside the original.
  private func proveHead(_ result: AdaptedModel) throws(MethodError) -> Proof? {
    let (old, new) = (source.graph.resolution, result.model.graph.resolution)
    // Typing the graph anew is one rewrite, each pool another.
    let rewrites = result.passes.first { $0.name == "retarget-resolution" }?.rewrites ?? 0
    guard old != new, rewrites > 1 else { return nil }
    let back = try retargeted(try retargeted(source, to: new), to: old)
    let proof = try Proof(back, against: source, session: options.session, observe: proving)
    guard proof.holds else {
      throw .headProofFailed(resolution: old, difference: proof.deviation.difference)
    }
    observe(.provedHead(proof))
    return proof
  }

  /// Runs the network at a size that is neither the old nor the new one: the adapted model typed for it, beside the
  /// unfolded one that has never been typed for the new size. nil where the network allows no other size.
  private func proveElsewhere(_ model: Model, _ unfolded: Model) throws(MethodError) -> Proof? {
    // The windows of test-pool belong to one size.
    guard !options.usesTestPool else { return nil }
    for size in Proof.otherSizes(than: model.graph.resolution) where size != source.graph.resolution {
      guard let original = try? retargeted(unfolded, to: size), let other = try? retargeted(model, to: size)
      else { continue }
      let proof = try Proof(other, against: original, session: options.session, observe: proving)
      guard proof.holds else {
        throw .headProofFailed(resolution: size, difference: proof.deviation.difference)
      }
      observe(.provedElsewhere(proof))
      return proof
    }
    return nil
  }

  private func retargeted(_ model: Model, to size: Extent) throws(MethodError) -> Model {
    do {
      return try Adapt.run(model, to: size, passes: ["retarget-resolution"]).model
    } catch {
      throw .pass(error)
    }
  }

  // MARK: - Kernels of this machine

  /// Measures kernel choices and stores them in place of those measured here before; nil where there is no choice.
  private func tune(_ model: inout Model) throws(MethodError) -> Tuner.Outcome? {
    guard options.tunes else { return nil }
    let outcome: Tuner.Outcome
    do {
      guard let tuner = try Tuner(model, options: options.session) else {
        observe(.tuned(nil))
        return nil
      }
      outcome = try tuner.run { observe(.tuning(done: $0, total: $1)) }
    } catch {
      throw .runtime(error)
    }
    let tuning = outcome.tuning
    model.tunings.removeAll {
      $0.processor == tuning.processor && $0.instructionSet == tuning.instructionSet
    }
    if !tuning.choices.isEmpty {
      model.tunings.append(tuning)
      model.metadata.history.append(
        HistoryEntry(
          "tune",
          [
            .init("processor", tuning.processor), .init("instruction_set", tuning.instructionSet),
            .init("layers", "\(tuning.choices.count)"),
          ]))
    }
    observe(.tuned(outcome))
    return outcome
  }

  /// Packs the weights where that is asked for; otherwise keeps those of the input as long as the same kernels read them.
  private func pack(_ model: inout Model) throws(MethodError) -> PackedSummary? {
    guard options.packs else {
      if model.tunings != source.tunings { model.packedConstants = [] }
      let dropped = source.packedConstants.count - model.packedConstants.count
      if dropped > 0 { observe(.droppedPacked(count: dropped)) }
      return nil
    }
    let session: Session
    do { session = try Session(model: model, options: options.session) } catch { throw .runtime(error) }
    let packed: [PackedConstant]
    do { packed = try session.packedConstants(of: model) } catch { throw .runtime(error) }
    guard !packed.isEmpty else {
      observe(.packed(nil))
      return nil
    }
    model.packedConstants = packed
    let summary = PackedSummary(
      instructionSet: session.plan.backend, tensorCount: packed.count,
      byteCount: packed.reduce(0) { $0 + $1.byteCount })
    model.metadata.history.append(
      HistoryEntry(
        "pack",
        [.init("instruction_set", summary.instructionSet), .init("tensors", "\(packed.count)")]))
    observe(.packed(summary))
    return summary
  }
}
