import FixresBase
import FixresIR
import FixresImaging
import Synchronization

/// Takes pictures from their bytes to logits, each on one thread from end to end: read, decoded, resized, normalised
/// and run, while other threads do so with others.
///
/// Threads do not wait for one another, and what a picture leaves in the caches of a core is read by the next layer on
/// that core. Results come in the order of the pictures and have the bits of any other way to run them. A pass belongs to
/// one caller; its memory is reused by the next `run`.
package final class PicturePass {
  /// The network's input for one picture.
  package enum Input {
    /// The pixels after resize and crop; whether the file has an orientation other than 1.
    case picture(Picture, isTurned: Bool)
    /// Floats `[C, H, W]` that stay until the run has returned.
    case tensor(UnsafePointer<Float>)
  }

  /// Makes the pixels of the input from a whole decoded picture.
  package typealias Transform =
    @Sendable (_ decoded: Picture, _ preprocessor: Preprocessor) throws(ImageError) -> Picture

  private enum Outcome {
    case ready(isTurned: Bool)
    case failed(ImageError)
  }

  package let session: Session
  package let preprocessor: Preprocessor
  /// The most pictures of a run.
  package let capacity: Int
  /// Pictures that a run should get now, so that results come a few times a second.
  package private(set) var stride: Int
  /// Pictures of the last run.
  package private(set) var count = 0
  private let results: AlignedBlock
  private let inputs: AlignedBlock?
  private let pixels: AlignedBlock?
  private let inputCount: Int
  private let outcomes: UnsafeMutablePointer<Outcome>

  /// Pictures of a run a thread, at most: with as many, threads wait for the last one a hundredth of the time.
  private static let longestShare = 64
  /// Pictures of the first run a thread.
  private static let firstShare = 4
  /// Bytes of results at most, unless one picture's are more.
  private static let resultByteCount = 128 << 20
  /// Nanoseconds that a run should take.
  private static let pace = 400_000_000.0

  /// A pass of at most `limit` pictures a run through `session`, for pictures as `preprocessor` reads them, which keeps
  /// each picture's input or pixels where asked for.
  ///
  /// - Throws: `planTooLarge` where there is no memory for the results.
  package init(
    _ session: Session, _ preprocessor: Preprocessor, limit: Int = .max, keepsInputs: Bool = false,
    keepsPixels: Bool = false
  ) throws(RuntimeError) {
    (self.session, self.preprocessor) = (session, preprocessor)
    inputCount = session.inputShape.reduce(1, *)
    let resultCount = session.classCount + session.featureCount
    let floatCount = resultCount + (keepsInputs ? inputCount : 0)
    let perPicture = ElementFormat.f32.byteCount(of: floatCount) + (keepsPixels ? inputCount : 0)
    let affordable = max(1, Self.resultByteCount / max(perPicture, 1))
    capacity = max(1, min(limit, Self.longestShare * session.threadCount, affordable))
    guard AlignedBlock.isGranted(byteCount: capacity.multipliedSaturated(perPicture)) else {
      throw .planTooLarge(
        needed: capacity.multipliedSaturated(perPicture), available: MachineMemory.availableByteCount())
    }
    stride = min(capacity, Self.firstShare * session.threadCount)
    results = AlignedBlock(count: capacity * resultCount, of: .f32)
    inputs = keepsInputs ? AlignedBlock(count: capacity * inputCount, of: .f32) : nil
    pixels = keepsPixels ? AlignedBlock(byteCount: capacity * inputCount) : nil
    outcomes = .allocate(capacity: capacity)
    outcomes.initialize(repeating: .ready(isTurned: false), count: capacity)
  }

  deinit {
    outcomes.deinitialize(count: capacity)
    outcomes.deallocate()
  }

  /// Runs `count` pictures, at most `capacity`; `prepare` makes the input of each, once, on the thread that runs it.
  ///
  /// A picture that `prepare` refuses has no results, and its error is in `failure`.
  ///
  /// - Throws: A refusal of memory.
  package func run(
    _ count: Int, _ prepare: @Sendable (_ index: Int) throws(ImageError) -> Input
  ) throws(RuntimeError) {
    precondition(count <= capacity, "a run has at most `capacity` pictures")
    self.count = count
    let start = MonotonicClock.nanoseconds()
    let sink = Sink(
      outcomes: outcomes, inputs: inputs?.floats, pixels: pixels?.base.assumingMemoryBound(to: UInt8.self),
      inputCount: inputCount, preprocessor: preprocessor)
    let floats = UnsafeMutableBufferPointer(
      start: results.floats, count: capacity * (session.classCount + session.featureCount))
    let logits = UnsafeMutableBufferPointer(rebasing: floats[..<(count * session.classCount)])
    let features = UnsafeMutableBufferPointer(
      rebasing: floats[(capacity * session.classCount)...][
        ..<(capacity * session.classCount + count * session.featureCount)])
    try session.runImages(
      count, logits: logits, features: session.featureCount > 0 ? features : nil
    ) { index, own in
      do throws(ImageError) {
        return sink.take(try prepare(index), index, own)
      } catch {
        (sink.outcomes + index).pointee = .failed(error)
        return nil
      }
    }
    settle(MonotonicClock.nanoseconds() - start)
  }

  /// Chooses the next stride by the time that the last run took.
  private func settle(_ nanoseconds: UInt64) {
    guard count > 0, nanoseconds > 0 else { return }
    let fitting = Self.pace * Double(count) / Double(nanoseconds)
    stride = min(capacity, max(session.threadCount, fitting < Double(capacity) ? Int(fitting) : capacity))
  }

  /// The logits of picture `row` of the last run, `[classes]`; undefined where it failed.
  package func logits(_ row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: results.floats + row * session.classCount, count: session.classCount)
  }

  /// The pooled features of picture `row` of the last run, `[F]`; undefined where it failed.
  package func features(_ row: Int) -> UnsafeBufferPointer<Float> {
    let base = results.floats + capacity * session.classCount
    return UnsafeBufferPointer(start: base + row * session.featureCount, count: session.featureCount)
  }

  /// The input `[C, H, W]` of picture `row` of the last run; empty unless inputs are kept.
  package func input(_ row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(
      start: inputs.map { $0.floats + row * inputCount }, count: inputs == nil ? 0 : inputCount)
  }

  /// The pixels `[H, W, C]` of picture `row` of the last run; empty unless pixels are kept.
  package func pixels(_ row: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: pixels.map { $0.base + row * inputCount }, count: pixels == nil ? 0 : inputCount)
  }

  /// Why picture `row` of the last run has no results; nil where it has.
  package func failure(_ row: Int) -> ImageError? {
    guard case .failed(let error) = outcomes[row] else { return nil }
    return error
  }

  /// Whether the file of picture `row` of the last run has an orientation other than 1.
  package func isTurned(_ row: Int) -> Bool {
    guard case .ready(true) = outcomes[row] else { return false }
    return true
  }

  /// The input of the picture file at `path`; `transform` (nil: `Preprocessor.picture(from:)`) resizes and crops.
  ///
  /// - Throws: `ImageError` of reading or decoding.
  package static func input(
    fromFile path: String, _ preprocessor: Preprocessor, transform: Transform? = nil
  ) throws(ImageError) -> Input {
    let bytes: Bytes
    do { bytes = try FileContents.read(path, limit: FileContents.pictureLimit) } catch { throw .file(error) }
    return try input(from: bytes, preprocessor, transform: transform)
  }

  /// The input of the picture file `bytes`; `transform` (nil: `Preprocessor.picture(from:)`) resizes and crops.
  ///
  /// - Throws: `ImageError` of decoding.
  package static func input(
    from bytes: Bytes, _ preprocessor: Preprocessor, transform: Transform? = nil
  ) throws(ImageError) -> Input {
    let decoded = try preprocessor.read(bytes)
    let picture =
      if let transform {
        try transform(decoded.picture, preprocessor)
      } else {
        try preprocessor.picture(from: decoded.picture)
      }
    return .picture(picture, isTurned: decoded.header.orientation != 1)
  }

  /// Where threads write; each to the rows of its own pictures.
  private struct Sink: @unchecked Sendable {
    let outcomes: UnsafeMutablePointer<Outcome>
    let inputs: UnsafeMutablePointer<Float>?
    let pixels: UnsafeMutablePointer<UInt8>?
    let inputCount: Int
    let preprocessor: Preprocessor

    /// The floats of `input`, in memory of their own or written to `own`.
    func take(
      _ input: Input, _ index: Int, _ own: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
      switch input {
      case .tensor(let floats):
        (outcomes + index).pointee = .ready(isTurned: false)
        guard let inputs else { return floats }
        (inputs + index * inputCount).update(from: floats, count: inputCount)
        return floats
      case .picture(let picture, let isTurned):
        (outcomes + index).pointee = .ready(isTurned: isTurned)
        let target = inputs.map { $0 + index * inputCount } ?? own
        preprocessor.write(picture, to: target)
        if let pixels { picture.copy(preprocessor.mode, to: pixels + index * inputCount) }
        return UnsafePointer(target)
      }
    }
  }
}
