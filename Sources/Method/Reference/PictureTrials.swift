import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresRuntime

/// Runs one network on pictures that were made into inputs in many ways; what gives the same pixels runs once.
final class PictureTrials {

  private let size: Extent
  private let session: Session
  private let options: SessionOptions
  private let outputs: [ReferenceOutputs]
  private let decoded: [Picture]
  private var scores: [[Float]: [Float]] = [:]
  /// Scores are remembered by their whole input; so many of them.
  private static let mostRemembered = 64

  /// Decodes the pictures of `trials` and plans `model`.
  init(_ model: Model, _ trials: [ReferenceTrial], options: SessionOptions) throws(MethodError) {
    size = model.graph.resolution
    var exact = options
    (exact.isExact, exact.packsAtOpen) = (true, true)
    self.options = exact
    outputs = trials.map(\.outputs)
    var decoded: [Picture] = []
    for trial in trials {
      guard case .picture(let picture) = trial.pair.input else { continue }
      do {
        let reader = try Preprocessor(
          picture.preprocessing, size: picture.size, appliesOrientation: picture.appliesOrientation)
        decoded.append(try reader.read(picture.bytes).picture)
      } catch {
        throw .image(error)
      }
    }
    precondition(decoded.count == trials.count, "these references are of pictures")
    self.decoded = decoded
    let ready: Model
    do { ready = try Trunk.ready(model) } catch { throw .pass(error) }
    do { session = try Session(model: ready, options: exact) } catch { throw .runtime(error) }
  }

  /// How far the outputs are from those of reference `index` where its picture is made into the input by `rule`;
  /// `other` is run instead of the network.
  func difference(_ rule: Preprocessing, of index: Int, _ other: Model?) throws(MethodError) -> Double {
    let input = try input(rule, of: index)
    if let other { return outputs[index].distance(of: try run(other, input)).difference }
    if let known = scores[input] { return outputs[index].distance(of: known).difference }
    let found = try run(session, input)
    if scores.count >= Self.mostRemembered { scores = [:] }
    scores[input] = found
    return outputs[index].distance(of: found).difference
  }

  /// What rounding the input does to the outputs.
  func noise(_ rule: Preprocessing, of index: Int, _ other: Model?) throws(MethodError) -> Double {
    let input = try input(rule, of: index)
    let nudged = ReferenceTrial.nudged(input)
    if let other { return ReferenceTrial.noise(try run(other, input), from: try run(other, nudged)) }
    return ReferenceTrial.noise(try run(session, input), from: try run(session, nudged))
  }

  private func run(_ model: Model, _ input: [Float]) throws(MethodError) -> [Float] {
    var runner = SharedPrefixRunner(input: input, batch: 1, options: options)
    return try runner.scores(of: model)
  }

  private func run(_ session: Session, _ input: [Float]) throws(MethodError) -> [Float] {
    do {
      let output = try session.run(input)
      return session.classCount > 0 ? output.logits : output.features
    } catch {
      throw .runtime(error)
    }
  }

  // MARK: Inputs

  private func input(_ rule: Preprocessing, of index: Int) throws(MethodError) -> [Float] {
    do { return try input(rule, decoded[index]) } catch { throw .image(error) }
  }

  private func input(_ rule: Preprocessing, _ picture: Picture) throws(ImageError) -> [Float] {
    let preprocessor = try Preprocessor(rule, size: size)
    return preprocessor.input(from: try preprocessor.picture(from: picture))
  }

  /// Whether both rules make the same inputs of made-up pictures of several shapes.
  func areSame(_ a: Preprocessing, _ b: Preprocessing) -> Bool {
    // Sides of every remainder by 4, wide and high, larger and smaller than usual crops.
    for (width, height) in [(301, 182), (182, 301), (500, 375), (427, 640), (333, 334), (97, 61)] {
      guard let picture = Self.picture(width, height), let first = try? input(a, picture),
        let second = try? input(b, picture)
      else { return false }
      if !zip(first, second).allSatisfy({ abs($0 - $1) <= 1e-5 * max(1, abs($0)) }) { return false }
    }
    return true
  }

  private static func picture(_ width: Int, _ height: Int) -> Picture? {
    var random = SeededRandom(seed: UInt64(width))
    let bytes = (0..<3 * width * height).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
    return Picture(width: width, height: height, rgb: bytes)
  }
}
