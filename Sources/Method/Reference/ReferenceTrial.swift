import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// Runs models on the input of one reference and says how far they are from its outputs.
package struct ReferenceTrial: Sendable {
  /// The greatest difference that passes as rounding wherever it comes from, as a share of the largest output: right
  /// arithmetic gives 1e-5 at most on the networks of `Tests/Oracles`, 1e-6 mostly.
  package static let rounding = 3e-5
  /// A greater difference than this is never rounding.
  package static let widestRounding = 1e-3
  /// In between, a network that is itself sensitive may differ by so many times what rounding its input does.
  private static let noiseFactor = 8.0

  /// The reference.
  package let pair: ReferencePair
  /// What its outputs say.
  package let outputs: ReferenceOutputs
  private let options: SessionOptions

  /// A trial of `pair`; nil where its outputs tell nothing, which no pair of `ReferenceReader` does.
  package init?(_ pair: ReferencePair, options: SessionOptions = SessionOptions()) {
    guard let outputs = ReferenceOutputs(pair.outputs) else { return nil }
    var exact = options
    exact.isExact = true
    (self.pair, self.outputs, self.options) = (pair, outputs, exact)
  }

  /// What a trial found.
  package struct Result: Hashable, Sendable {
    /// The reference's name.
    package let name: String
    /// Size of its input.
    package let resolution: Extent
    /// How far the model's outputs are from it.
    package let distance: ReferenceOutputs.Distance
    /// Whether that passes as rounding.
    package let fits: Bool
  }

  /// Runs `model` as it is, folded or not, retargeted to the reference's size.
  ///
  /// - Throws: What retargeting, decoding and running refuse.
  package func run(_ model: Model) throws(MethodError) -> Result {
    let ready: Model
    do { ready = try Trunk.ready(model, at: pair.resolution) } catch { throw .pass(error) }
    let session: Session
    do { session = try Session(model: ready, options: options) } catch { throw .runtime(error) }
    let input = try self.input()
    let scores = try Self.scores(session, input)
    guard scores.count == outputs.rows * outputs.classes else {
      throw .reference(
        .classes(path: pair.name, expected: scores.count / outputs.rows, found: outputs.classes))
    }
    let distance = outputs.distance(of: scores)
    let fits = try Self.passes(distance.difference) { () throws(MethodError) in
      try Self.noise(scores, from: Self.scores(session, Self.nudged(input)))
    }
    return Result(name: pair.name, resolution: pair.resolution, distance: distance, fits: fits)
  }

  /// The input, `[N, C, H, W]`; a picture decoded and made into one.
  ///
  /// - Throws: `MethodError.image`.
  package func input() throws(MethodError) -> [Float] {
    switch pair.input {
    case .tensor(let tensor): return tensor.floats
    case .picture(let picture):
      do {
        let preprocessor = try Preprocessor(
          picture.preprocessing, size: picture.size, appliesOrientation: picture.appliesOrientation)
        return preprocessor.input(from: try preprocessor.picture(from: picture.bytes))
      } catch {
        throw .image(error)
      }
    }
  }

  /// Whether `difference` passes as rounding; `noise` is what rounding the input does to the outputs.
  package static func passes(
    _ difference: Double, noise: () throws(MethodError) -> Double
  ) throws(MethodError) -> Bool {
    if difference <= rounding { return true }
    guard difference <= widestRounding else { return false }
    return difference <= noiseFactor * (try noise())
  }

  /// `input` with each number moved by at most the gap to its neighbours.
  package static func nudged(_ input: [Float]) -> [Float] {
    var random = SeededRandom(seed: 7)
    return input.map { $0 * (1 + Float(Int(random.next() & 3) - 1) * 0x1p-23) }
  }

  /// The greatest difference between two rows of scores, as a share of the largest.
  package static func noise(_ scores: [Float], from other: [Float]) -> Double {
    let deviation = Deviation(of: other, from: scores)
    return deviation.magnitude > 0 ? Double(deviation.difference / deviation.magnitude) : 0
  }

  private static func scores(_ session: Session, _ input: [Float]) throws(MethodError) -> [Float] {
    do {
      let output = try session.run(input)
      return session.classCount > 0 ? output.logits : output.features
    } catch {
      throw .runtime(error)
    }
  }
}

extension Model {
  /// Runs this model on the inputs of its references at their sizes; empty without references.
  ///
  /// - Throws: What retargeting, decoding and running refuse.
  package func checkReferences(
    options: SessionOptions = SessionOptions(), progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(MethodError) -> [ReferenceTrial.Result] {
    var results: [ReferenceTrial.Result] = []
    for reference in references {
      guard let trial = ReferenceTrial(reference, options: options) else {
        throw .reference(.uninformative(path: reference.name))
      }
      results.append(try trial.run(self))
      progress(results.count, references.count)
    }
    return results
  }

  /// Keeps `pairs` beside the references that are there, as far as there is room, and says what `results` have shown.
  package mutating func adopt(_ pairs: [ReferencePair], _ results: [ReferenceTrial.Result]) -> Int {
    var room = ReferenceReader.keptByteCount - references.reduce(0) { $0 + $1.byteCount }
    var dropped = 0
    for pair in pairs where !references.contains(pair) {
      if pair.byteCount <= room, references.count < ReferencePair.mostReferences {
        references.append(pair)
        room -= pair.byteCount
      } else {
        dropped += 1
      }
    }
    metadata.verified = Verification(
      references: results.count, maximumDifference: results.map(\.distance.difference).max() ?? 0)
    return dropped
  }
}
