import FixresBase
import FixresIR
import FixresRuntime

/// Evidence that a rewritten model computes what its original computes: their logits, or the features of a model without
/// a classifier, on one made-up input.
public struct Proof: Hashable, Sendable {
  /// Greatest difference that passes as rounding, as a share of the largest logit; rounding itself causes about a
  /// thousandth of it.
  public static let tolerance: Float = 1e-3

  /// The resolution at which both were run.
  public let resolution: Extent
  /// How far the rewritten model's logits are from the original's.
  public let deviation: Deviation

  /// The greatest difference of a logit that passes as rounding.
  public var limit: Float { Self.tolerance * deviation.magnitude }
  /// Whether the models agree up to rounding.
  public var holds: Bool { deviation.difference <= limit }

  /// Sizes to look at besides `size`: an odd one that is smaller, for speed, and where that is too small one that is larger.
  package static func otherSizes(than size: Extent) -> [Extent] {
    func odd(_ side: Int) -> Int { side | 1 }
    return [
      Extent(odd(size.height * 5 / 8), odd(size.width * 5 / 8)),
      Extent(odd(size.height + 16), odd(size.width + 16)),
    ]
  }

  /// Multiply-adds of both runs from which on their progress is told: about a second of work.
  private static let longRun = 20_000_000_000

  /// Runs `model` and `original`, which read the same input, without Winograd; `observe` is told how many of how many
  /// billions of multiply-adds are done, where it takes long.
  ///
  /// - Throws: `MethodError.runtime` where one can't be planned or run, `notFinite`, `inputTooLarge`.
  public init(
    _ model: Model, against original: Model, session options: SessionOptions = SessionOptions(),
    observe: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(MethodError) {
    var options = options
    options.isExact = true
    var reference: Session?
    let rewritten: Session
    do {
      reference = try Session(model: original, options: options)
      rewritten = try Session(model: model, options: options)
    } catch { throw .runtime(error) }
    try Self.requireMemory([reference, rewritten].compactMap(\.self), model.graph)
    // Only now is it known that both fit in memory, one after the other.
    let input = try NoiseInput.make(for: model.graph)
    let before = original.graph.multiplyAccumulates
    let total = before.addingSaturated(model.graph.multiplyAccumulates)
    func tell(_ done: Int) {
      if total >= Self.longRun { observe(done / 1_000_000_000, total / 1_000_000_000) }
    }
    tell(0)
    let expected = try reference.map { (reference) throws(MethodError) in
      try Self.output(reference, of: original, input, options) { tell($0) }
    }
    reference = nil
    let found = try Self.output(rewritten, of: model, input, options) { tell(before.addingSaturated($0)) }
    deviation = Deviation(of: found, from: expected ?? [])
    resolution = model.graph.resolution
  }

  /// Refuses a picture that does not fit in memory beside the larger of the sessions' arenas.
  private static func requireMemory(_ sessions: [Session], _ graph: Graph) throws(MethodError) {
    let arena = sessions.map(\.plan.arenaByteCount).max() ?? 0
    let picture = (graph.imageInput?.type.elementCount ?? 0).multipliedSaturated(4)
    let (needed, available) = (arena.addingSaturated(picture), MachineMemory.availableByteCount())
    guard needed <= available else { throw .runtime(.planTooLarge(needed: needed, available: available)) }
  }

  /// The logits of `session`, a session of `model`, or its features where it has no classifier.
  private static func output(
    _ session: Session, of model: Model, _ input: [Float], _ options: SessionOptions,
    observe: @escaping (Int) -> Void
  ) throws(MethodError) -> [Float] {
    let output: Session.Output
    do { output = try session.run(input, observe: observe) } catch { throw .runtime(error) }
    let values = output.logits.isEmpty ? output.features : output.logits
    guard values.firstNonFinite == nil else {
      throw .notFinite(
        input: "a made-up input", NonFiniteSearch.origin(in: model, of: input, options: options))
    }
    return values
  }
}
