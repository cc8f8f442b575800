import FixresBase
import FixresImaging
import FixresRuntime
import Synchronization

/// Computes samples of a task that another process has written.
package final class PictureWorker: Sendable {
  /// One sample that is asked for.
  package struct Sample: Sendable {
    /// Its number in the task.
    package let number: Int
    /// The class of its picture.
    package let label: Int
    /// Its picture.
    package let picture: Source

    /// A sample of this number.
    package init(number: Int, label: Int, picture: Source) {
      (self.number, self.label, self.picture) = (number, label, picture)
    }
  }

  /// Where the bytes of a picture are.
  package enum Source: @unchecked Sendable {
    // Sendable because memory is only read, and by contract not written meanwhile.
    /// In the file at this path.
    case file(String)
    /// In the caller's memory.
    case memory(UnsafeRawBufferPointer)
  }

  private struct PassBox: @unchecked Sendable {
    // Sendable because the lock that holds it guards it.
    let pass: PicturePass
  }

  private let content: SampleContent
  private let augmentation: Augmentation
  private let preprocessor: Preprocessor
  private let pass: Mutex<PassBox>
  private let gate = ForkGate()
  /// The classes that labels can name; nil where they do not matter.
  private let classes: Set<Int>?
  /// Threads of a run.
  package let threadCount: Int

  /// A worker for the task in the folder at `path`; `threads` as a session's.
  ///
  /// - Throws: `MethodError.workers`, `model`, `image` or `runtime` where a part of the task is refused.
  package init(path: String, threads: Int? = nil) throws(MethodError) {
    let task = try PictureTask(path: path)
    (content, augmentation, preprocessor) = (task.content, task.augmentation, task.preprocessor)
    if case .results(_, _, let reading?) = content {
      classes = Set(reading.competing ?? Array(0..<reading.classCount))
    } else {
      classes = nil
    }
    let session: Session
    do {
      session = try Session(
        model: task.model, options: SessionOptions(threads: threads, isExact: task.isExact))
    } catch {
      throw .runtime(error)
    }
    guard session.kernelName == task.kernels else {
      throw .workers(.kernels(expected: task.kernels, found: session.kernelName))
    }
    threadCount = session.threadCount
    do { pass = Mutex(PassBox(pass: try PicturePass(session, preprocessor))) } catch { throw .runtime(error) }
  }

  /// Whether a sample may be one of class `label`.
  package func takes(label: Int) -> Bool { classes?.contains(label) ?? true }

  /// The records of `samples`, one after another; the worker takes their labels.
  ///
  /// - Throws: `MethodError.runtime` where memory is refused.
  package func run(_ samples: [Sample]) throws(MethodError) -> [UInt8] {
    guard gate.enter() else { throw .runtime(.forkedDuringRun) }
    defer { gate.leave() }
    let result = pass.withLock { box -> Result<[UInt8], MethodError> in
      Result { () throws(MethodError) in try self.run(samples, box.pass) }
    }
    return try result.get()
  }

  private func run(_ samples: [Sample], _ pass: PicturePass) throws(MethodError) -> [UInt8] {
    let needed = samples.count.multipliedSaturated(SampleRecord.stride(content.byteCount))
    // The records are copied for the caller.
    guard AddressSpace.allows(needed.multipliedSaturated(2)) else {
      throw .runtime(.planTooLarge(needed: needed, available: MachineMemory.availableByteCount()))
    }
    var records: [UInt8] = []
    records.reserveCapacity(needed)
    let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: max(content.byteCount, 8), alignment: 8)
    defer { payload.deallocate() }
    let kept = UnsafeMutableRawBufferPointer(rebasing: payload[..<content.byteCount])
    var first = 0
    while first < samples.count {
      let part = samples[first..<min(first + pass.capacity, samples.count)]
      do {
        try pass.run(part.count) { [augmentation, preprocessor, first] (row) throws(ImageError) in
          let sample = samples[first + row]
          let transform = augmentation.transform(of: sample.number)
          switch sample.picture {
          case .file(let path):
            return try PicturePass.input(fromFile: path, preprocessor, transform: transform)
          case .memory(let bytes):
            return try PicturePass.input(from: Bytes(borrowing: bytes), preprocessor, transform: transform)
          }
        }
      } catch {
        throw .runtime(error)
      }
      for (row, sample) in part.enumerated() { take(row, of: pass, sample, through: kept, &records) }
      first += part.count
    }
    return records
  }

  private func take(
    _ row: Int, of pass: PicturePass, _ sample: Sample, through kept: UnsafeMutableRawBufferPointer,
    _ records: inout [UInt8]
  ) {
    if let error = pass.failure(row) { return SampleRecord.append(sample.number, error, to: &records) }
    let (logits, features) = (pass.logits(row), pass.features(row))
    guard logits.firstNonFinite == nil, features.firstNonFinite == nil else {
      return SampleRecord.append(sample.number, .notFinite, .init(start: nil, count: 0), to: &records)
    }
    let variants = augmentation.variantCount
    content.write(
      PictureRun.Sample(
        index: sample.number / variants, variant: sample.number % variants, logits: logits, features: features
      ),
      label: sample.label, to: kept)
    SampleRecord.append(
      sample.number, pass.isTurned(row) ? .turned : .ready, UnsafeRawBufferPointer(kept), to: &records)
  }
}
