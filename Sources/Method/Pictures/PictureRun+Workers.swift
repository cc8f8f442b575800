import FixresBase
import FixresImaging
import FixresRuntime
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension PictureRun {
  private static let taskNumber = Atomic<Int>(0)

  /// As the run of this process over `pictures`, whose samples `workers` compute by `model`.
  func run(
    by workers: PictureWorkers, _ model: Model, over pictures: LabelledPictures, _ content: SampleContent,
    _ body: (_ index: Int, UnsafeRawBufferPointer) -> Void
  ) throws(MethodError) -> Summary {
    let start = MonotonicClock.nanoseconds()
    var summary = Summary(limit: pictures.maximumFailures)
    let total = pictures.count * augmentation.variantCount
    guard total > 0 else { return try finished(&summary, since: start, pictures) }
    let number = Self.taskNumber.add(1, ordering: .relaxed).newValue
    let folder = DirectoryListing.join(workers.folder, "task-\(number)")
    let results = DirectoryListing.join(workers.folder, "results-\(number)")
    guard FileName.withBytes(folder, { mkdir($0, 0o777) }) == 0 else {
      throw .workers(.file(.last(folder, "mkdir")))
    }
    defer {
      for name in [PictureTask.description, PictureTask.network, PictureTask.pictures, PictureTask.labels] {
        _ = FileName.withBytes(DirectoryListing.join(folder, name)) { unlink($0) }
      }
      _ = FileName.withBytes(folder) { rmdir($0) }
      _ = FileName.withBytes(results) { unlink($0) }
    }
    let task = PictureTask(
      model, preprocessor, augmentation, content: content, isExact: session.options.isExact,
      kernels: session.kernelName)
    try task.write(to: folder, pictures)
    guard workers.compute(folder, results) else { throw .workers(.notComputed) }
    let records: SampleRecords
    do throws(WorkerFault) {
      records = try SampleRecords(path: results, count: total, payloadByteCount: content.byteCount)
    } catch {
      throw .workers(error)
    }
    for index in 0..<total {
      try records.read(index) { (state, payload) throws(MethodError) in
        try take(state, payload, of: index, in: pictures, &summary, body: body)
      }
    }
    return try finished(&summary, since: start, pictures)
  }

  private func take(
    _ state: SampleRecord.State, _ payload: UnsafeRawBufferPointer, of index: Int,
    in pictures: LabelledPictures, _ summary: inout Summary,
    body: (_ index: Int, UnsafeRawBufferPointer) -> Void
  ) throws(MethodError) {
    let (number, variant) = index.quotientAndRemainder(dividingBy: augmentation.variantCount)
    switch state {
    case .ready, .turned:
      summary.streak.end()
      summary.images += 1
      summary.turnedCount += state == .turned ? 1 : 0
      body(index, payload)
    case .failed:
      guard variant == 0 else { return }
      guard let error = SampleRecord.error(payload) else { throw .workers(.record(offset: index)) }
      try Self.count(error, of: number, pictures, &summary)
    case .notFinite: throw notFinite(index, of: pictures)
    }
  }
}
