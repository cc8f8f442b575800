import FixresBase
import FixresIR
import FixresImaging
import Synchronization

/// What a classifier and the thread of its asynchronous calls share.
final class ClassifierCore: Sendable {
  let session: Session
  let preprocessor: Preprocessor
  let metadata: ModelMetadata
  let reading: ScoreReading
  private let pass: Mutex<PassBox>
  private let gate = ForkGate()

  private struct PassBox: @unchecked Sendable {
    // Sendable because the lock that holds it guards it.
    let pass: PicturePass
  }

  init(_ model: Model, _ options: SessionOptions, _ preprocessor: Preprocessor?) throws(ClassifierError) {
    let session: Session
    do { session = try Session(model: model, options: options) } catch { throw .runtime(error) }
    do throws(ImageError) {
      if let preprocessor {
        self.preprocessor = preprocessor
      } else {
        self.preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
      }
    } catch {
      throw .image(error)
    }
    self.session = session
    let size = self.preprocessor.size
    let shape = [self.preprocessor.mode.channelCount, size.height, size.width]
    guard shape == session.inputShape else {
      throw .image(
        ImageError.preprocessing(
          expected: "an input of \(session.inputShape)", found: "preprocessing to \(shape)"))
    }
    metadata = model.metadata
    reading = ScoreReading(model.metadata.outputs, logitCount: session.classCount)
    do {
      pass = Mutex(PassBox(pass: try PicturePass(session, self.preprocessor)))
    } catch {
      throw .runtime(error)
    }
  }

  convenience init(
    opening path: String, _ options: SessionOptions
  ) throws(ClassifierError) {
    let model: Model
    do { model = try ModelFile.open(path) } catch { throw .runtime(.model(error)) }
    try self.init(model, options, nil)
  }

  /// A result for each of `inputs`, in their order.
  func classify(_ inputs: [ClassifierInput]) -> [Result<Classification, ClassifierError>] {
    guard gate.enter() else { return inputs.map { _ in .failure(.runtime(.forkedDuringRun)) } }
    defer { gate.leave() }
    return pass.withLock { box in
      var results: [Result<Classification, ClassifierError>] = []
      results.reserveCapacity(inputs.count)
      while results.count < inputs.count {
        let first = results.count
        run(Array(inputs[first..<min(first + box.pass.capacity, inputs.count)]), box.pass, &results)
      }
      return results
    }
  }

  private func run(
    _ inputs: [ClassifierInput], _ pass: PicturePass,
    _ results: inout [Result<Classification, ClassifierError>]
  ) {
    do throws(RuntimeError) {
      try pass.run(inputs.count) { [preprocessor] (row) throws(ImageError) in
        try inputs[row].input(preprocessor)
      }
      for row in inputs.indices { results.append(result(row, of: pass)) }
    } catch {
      let failure: ClassifierError = error == .cancelled ? .cancelled : .runtime(error)
      for _ in inputs { results.append(.failure(failure)) }
    }
  }

  private func result(_ row: Int, of pass: PicturePass) -> Result<Classification, ClassifierError> {
    if let error = pass.failure(row) { return .failure(.image(error)) }
    let (logits, features) = (pass.logits(row), pass.features(row))
    guard logits.firstNonFinite == nil, features.firstNonFinite == nil else { return .failure(.notFinite) }
    return .success(
      Classification(
        logits: Array(logits), features: Array(features), isTurned: pass.isTurned(row),
        labels: metadata.labels,
        reading: reading))
  }
}
