import FixresBase
import FixresIR
import FixresImaging

/// A model with its preprocessing and labels, which classifies pictures.
///
/// ```swift
/// let classifier = try await Classifier("model.bin")
/// for best in try await classifier.classify(.file("photo.jpg")).top(5) { print(best.label, best.probability) }
/// ```
///
/// A classifier may be shared by any number of tasks and threads. Its asynchronous calls run on threads of its own and
/// never block the tasks' threads; calls that wait at the same time are run together, pictures side by side. The
/// synchronous calls run on the caller's thread and the session's. Results are the same bits either way, at every thread
/// count and whatever else is run at the same time. In a cancelled task both kinds of call give `cancelled`.
public final class Classifier: Sendable {
  private let core: ClassifierCore
  private let queue: ClassifierQueue

  /// The session that runs the network; `Session.run` takes tensors and allocates nothing.
  public var session: Session { core.session }
  /// How pictures become the network's input.
  public var preprocessor: Preprocessor { core.preprocessor }
  /// What is known of the model.
  public var metadata: ModelMetadata { core.metadata }
  /// Class names in the order of the logits; empty where the model does not name them.
  public var labels: [String] { core.metadata.labels }
  /// Height and width of the network's input in pixels.
  public var resolution: Extent { core.preprocessor.size }

  private init(_ core: ClassifierCore) {
    self.core = core
    queue = ClassifierQueue(core)
  }

  /// A classifier for `model`, whose pictures `preprocessor` reads (nil: as the model's metadata says).
  ///
  /// - Throws: `runtime` where the model cannot be run, `image` where its preprocessing is out of range.
  public convenience init(
    model: Model, options: SessionOptions = SessionOptions(), preprocessor: Preprocessor? = nil
  ) throws(ClassifierError) {
    self.init(try ClassifierCore(model, options, preprocessor))
  }

  /// Opens the model file at `path`, on the caller's thread.
  ///
  /// - Throws: `runtime` where the file cannot be opened or its model cannot be run.
  public convenience init(
    _ path: String, options: SessionOptions = SessionOptions()
  ) throws(ClassifierError) {
    self.init(try ClassifierCore(opening: path, options))
  }

  /// Opens the model file at `path` on a thread of its own, while the task sleeps.
  ///
  /// - Throws: `runtime` where the file cannot be opened or its model cannot be run.
  public convenience init(
    _ path: String, options: SessionOptions = SessionOptions()
  ) async throws(ClassifierError) {
    let opened: Result<ClassifierCore, ClassifierError> = await withCheckedContinuation { continuation in
      let open: @Sendable () -> Void = {
        continuation.resume(
          returning: Result { () throws(ClassifierError) in try ClassifierCore(opening: path, options) })
      }
      if let thread = WorkerThread(open) { thread.detach() } else { open() }
    }
    self.init(try opened.get())
  }

  deinit { queue.stop() }

  /// Classifies one input on the caller's thread and the session's.
  ///
  /// - Throws: `ClassifierError` where the input cannot be read or the network cannot be run.
  public func classify(_ input: ClassifierInput) throws(ClassifierError) -> Classification {
    try core.classify([input])[0].get()
  }

  /// Classifies one input on the classifier's threads, while the task sleeps.
  ///
  /// - Throws: `ClassifierError` where the input cannot be read or the network cannot be run, `cancelled`.
  public func classify(_ input: ClassifierInput) async throws(ClassifierError) -> Classification {
    try await queue.perform([input])[0].get()
  }

  /// Classifies inputs on the caller's thread and the session's; a result for each, in their order.
  public func classify(_ inputs: [ClassifierInput]) -> [Result<Classification, ClassifierError>] {
    core.classify(inputs)
  }

  /// Classifies inputs on the classifier's threads, while the task sleeps; a result for each, in their order.
  public func classify(_ inputs: [ClassifierInput]) async -> [Result<Classification, ClassifierError>] {
    inputs.isEmpty ? [] : await queue.perform(inputs)
  }

  /// The pixels of the network's input made of one picture: decoded, resized and cropped.
  ///
  /// - Throws: `ClassifierError` where the input cannot be read, or is a tensor.
  public func picture(_ input: ClassifierInput) throws(ClassifierError) -> Picture {
    do throws(ImageError) {
      if case .picture(let picture, _) = try input.input(preprocessor) {
        return picture
      }
    } catch {
      throw .image(error)
    }
    throw .image(.inputMemory(expected: "a picture", found: "a tensor"))
  }

  /// The network's input `[C, H, W]` made of one picture: decoded, resized, cropped and normalised.
  ///
  /// - Throws: `ClassifierError` where the input cannot be read.
  public func preprocess(_ input: ClassifierInput) throws(ClassifierError) -> [Float] {
    do throws(ImageError) {
      switch try input.input(preprocessor) {
      case .picture(let picture, _): return preprocessor.input(from: picture)
      case .tensor(let floats):
        return Array(UnsafeBufferPointer(start: floats, count: session.inputShape.reduce(1, *)))
      }
    } catch {
      throw .image(error)
    }
  }
}
