import FixresBase
import FixresIR
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Picture files decoded and preprocessed on threads of their own, up to two batches ahead of the consumer.
///
/// Inputs come in the order of `paths`. A picture that fails to decode has an input of zeros, and its error is in
/// `Batch.failures`. One thread consumes the stream; `stop` must be called before the stream is released.
public final class PictureStream: @unchecked Sendable {
  // Sendable because the lock guards `next`, `consumed`, `states`, `turned` and `isStopped`, and the memory of a slot is
  // accessed only by the worker that took its index, then by the consumer.

  /// Consecutive pictures; their memory is valid until the next call of `nextBatch`.
  public struct Batch {
    /// Indices into `paths`.
    public let range: Range<Int>
    /// The network's input, `[range.count, C, H, W]`.
    public let input: UnsafeBufferPointer<Float>
    /// The pixels of the input, grey, RGB or RGBA, `[range.count, H, W, C]`; empty unless pixels are kept.
    public let pixels: UnsafeBufferPointer<UInt8>
    /// The pictures that failed to decode, by their index into `paths`.
    public let failures: [(index: Int, error: ImageError)]
    /// Indices of the pictures whose EXIF orientation is not 1.
    public let turned: [Int]
  }

  /// Makes the pixels of the input from the whole decoded picture at `index` of `paths`.
  public typealias Transform =
    @Sendable (_ decoded: Picture, _ preprocessor: Preprocessor, _ index: Int) throws(ImageError) -> Picture

  private enum State { case empty, ready, failed(ImageError) }

  /// Most pictures in a batch.
  public let batchSize: Int
  private let paths: [String]
  private let preprocessor: Preprocessor
  private let transform: Transform?
  private let perImage: Int
  private let pixelsPerImage: Int
  private let capacity: Int
  /// Whether there is no memory for the inputs; every picture then fails.
  private let isRefused: Bool
  private let inputs: UnsafeMutablePointer<Float>
  private let pixels: UnsafeMutablePointer<UInt8>
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private var states: [State]
  private var turned: [Bool]
  private var next = 0
  private var consumed = 0
  private var handedOut = 0
  private var isStopped = false
  private var threads: [WorkerThread] = []

  /// Upper bound of decoded input that waits to be consumed, in bytes.
  private static let waitingByteCount = 1 << 27

  /// Starts decoding `paths` on `workers` threads; with 0 the consumer's thread decodes.
  ///
  /// Batches hold `batchSize` pictures, fewer where their input would take more than 128 MB. `transform` (nil:
  /// `Preprocessor.picture(from:)`) resizes and crops.
  public init(
    _ paths: [String], _ preprocessor: Preprocessor, batchSize: Int, workers: Int, keepsPixels: Bool = false,
    transform: Transform? = nil
  ) {
    self.paths = paths
    self.transform = transform
    self.preprocessor = preprocessor
    perImage = preprocessor.mode.channelCount * preprocessor.size.area
    pixelsPerImage = keepsPixels ? preprocessor.mode.channelCount * preprocessor.size.area : 0
    let affordable = max(1, PictureStream.waitingByteCount / (perImage * 4) / 3)
    self.batchSize = max(1, min(batchSize, affordable, max(paths.count, 1)))
    // One batch with the consumer, two ahead of it.
    capacity = self.batchSize * 3
    let byteCount = capacity * (perImage * 4 + pixelsPerImage)
    isRefused = byteCount >= AddressSpace.largeByteCount && !AddressSpace.allows(byteCount)
    inputs = .allocate(capacity: isRefused ? 1 : capacity * perImage)
    inputs.initialize(repeating: 0, count: isRefused ? 1 : capacity * perImage)
    pixels = .allocate(capacity: isRefused ? 1 : max(1, capacity * pixelsPerImage))
    pixels.initialize(repeating: 0, count: isRefused ? 1 : max(1, capacity * pixelsPerImage))
    states = Array(repeating: .empty, count: capacity)
    turned = Array(repeating: false, count: capacity)
    lock = .allocate(capacity: 1)
    changed = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
    start(max(0, min(workers, paths.count)))
  }

  /// Ends the workers; must be called before the stream is released.
  public func stop() {
    pthread_mutex_lock(lock)
    isStopped = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
    for thread in threads { thread.join() }
    threads = []
  }

  deinit {
    if !threads.isEmpty { stop() }
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
    inputs.deallocate()
    pixels.deallocate()
  }

  /// The next pictures, or nil after the last; invalidates the memory of the batch before.
  public func nextBatch() -> Batch? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    for index in consumed..<handedOut { states[index % capacity] = .empty }
    consumed = handedOut
    pthread_cond_broadcast(changed)
    guard consumed < paths.count else { return nil }
    let range = consumed..<min(consumed + batchSize, paths.count)
    var failures: [(index: Int, error: ImageError)] = []
    for index in range {
      while case .empty = states[index % capacity] {
        if threads.isEmpty { decodeHere() } else { pthread_cond_wait(changed, lock) }
      }
      if case .failed(let error) = states[index % capacity] { failures.append((index, error)) }
    }
    handedOut = range.upperBound
    // Batches start on multiples of their size, and the ring holds three, so that none wraps around.
    let slot = range.lowerBound % capacity
    return Batch(
      range: range,
      input: UnsafeBufferPointer(
        start: inputs + (isRefused ? 0 : slot * perImage), count: isRefused ? 0 : range.count * perImage),
      pixels: UnsafeBufferPointer(
        start: pixels + (isRefused ? 0 : slot * pixelsPerImage),
        count: isRefused ? 0 : range.count * pixelsPerImage),
      failures: failures, turned: range.filter { turned[$0 % capacity] })
  }

  // MARK: - Workers

  private func start(_ count: Int) {
    for _ in 0..<count {
      if let thread = WorkerThread({ [unowned(unsafe) self] in work() }) { threads.append(thread) }
    }
  }

  /// Decodes the next picture on the consumer's thread, where the system refuses others; the lock is held.
  private func decodeHere() {
    guard next < paths.count else { return }
    next += 1
    pthread_mutex_unlock(lock)
    process(next - 1)
    pthread_mutex_lock(lock)
  }

  private func work() {
    while let index = take() { process(index) }
  }

  private func process(_ index: Int) {
    let slot = index % capacity
    var isTurned = false
    let state: State
    do {
      try decode(index, slot, &isTurned)
      state = .ready
    } catch {
      if !isRefused { (inputs + slot * perImage).update(repeating: 0, count: perImage) }
      if pixelsPerImage > 0, !isRefused {
        (pixels + slot * pixelsPerImage).update(repeating: 0, count: pixelsPerImage)
      }
      state = .failed(error)
    }
    pthread_mutex_lock(lock)
    states[slot] = state
    turned[slot] = isTurned
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }

  private func take() -> Int? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while !isStopped, next < paths.count, next >= consumed + capacity { pthread_cond_wait(changed, lock) }
    guard !isStopped, next < paths.count else { return nil }
    next += 1
    return next - 1
  }

  private func decode(_ index: Int, _ slot: Int, _ isTurned: inout Bool) throws(ImageError) {
    guard !isRefused else {
      throw .outOfMemory(byteCount: capacity * (perImage * 4 + pixelsPerImage))
    }
    let bytes: Bytes
    do { bytes = try FileContents.read(paths[index], limit: FileContents.pictureLimit) } catch {
      throw .file(error)
    }
    let decoded = try preprocessor.read(bytes)
    let picture =
      if let transform {
        try transform(decoded.picture, preprocessor, index)
      } else {
        try preprocessor.picture(from: decoded.picture)
      }
    isTurned = decoded.header.orientation != 1
    preprocessor.write(picture, to: inputs + slot * perImage)
    if pixelsPerImage > 0 { picture.copy(preprocessor.mode, to: pixels + slot * pixelsPerImage) }
  }
}
