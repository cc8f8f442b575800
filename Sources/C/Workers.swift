import FixresBase
import FixresMethod
import FixresRuntime

/// A worker that C code has opened.
final class CWorker: Sendable {
  static let table = HandleTable<CWorker>("worker", base: 0x1000_0004)

  let worker: PictureWorker

  init(_ worker: PictureWorker) { self.worker = worker }
}

/// Records that a worker has made.
final class CRecords: @unchecked Sendable {
  // Sendable because nothing is written after `init`.

  static let table = HandleTable<CRecords>("records", base: 0x1000_0005)

  let bytes: UnsafeMutableRawBufferPointer

  init(_ records: [UInt8]) {
    bytes = .allocate(byteCount: records.count, alignment: 8)
    bytes.copyBytes(from: records)
  }

  deinit { bytes.deallocate() }
}

/// Opens a task.
@c(fixresc_worker_open)
public func workerOpen(
  task: UnsafePointer<CChar>?, options: UnsafeRawPointer?, worker: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  status {
    guard let task else { throw CFailure.argument("task", "a folder, found null") }
    guard let worker else { throw CFailure.argument("worker", "a pointer, found null") }
    let options = try sessionOptions(options)
    let opened = try PictureWorker(path: FileName.text(of: task), threads: options.threads)
    worker.pointee = CWorker.table.add(CWorker(opened))
  }
}

/// Forgets a worker.
@c(fixresc_worker_close)
public func workerClose(worker: OpaquePointer?) -> Int32 { status { try CWorker.table.remove(worker) } }

/// Computes samples of picture files.
@c(fixresc_worker_run_files)
public func workerRunFiles(
  worker: OpaquePointer?, samples: UnsafePointer<UInt64>?, labels: UnsafePointer<Int32>?,
  paths: UnsafePointer<UnsafePointer<CChar>?>?, count: Int, records: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  run(worker, samples, labels: labels, count: count, into: records) { index throws(CFailure) in
    guard let path = paths?[index] else { throw .argument("paths[\(index)]", "a path, found null") }
    return .file(FileName.text(of: path))
  }
}

/// Computes samples of the bytes of picture files.
@c(fixresc_worker_run_encoded)
public func workerRunEncoded(
  worker: OpaquePointer?, samples: UnsafePointer<UInt64>?, labels: UnsafePointer<Int32>?,
  bytes: UnsafePointer<UnsafePointer<UInt8>?>?, sizes: UnsafePointer<Int>?, count: Int,
  records: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  run(worker, samples, labels: labels, count: count, into: records) { index throws(CFailure) in
    guard let base = bytes?[index], let size = sizes?[index], size >= 0 else {
      throw .argument("bytes[\(index)]", "bytes and their size, found null")
    }
    return .memory(UnsafeRawBufferPointer(start: base, count: size))
  }
}

private func run(
  _ worker: OpaquePointer?, _ samples: UnsafePointer<UInt64>?, labels: UnsafePointer<Int32>?, count: Int,
  into records: UnsafeMutablePointer<OpaquePointer?>?,
  _ picture: (Int) throws(CFailure) -> PictureWorker.Source
) -> Int32 {
  status {
    let worker = try CWorker.table.object(worker).worker
    guard let records else { throw CFailure.argument("records", "a pointer, found null") }
    guard (0...mostPictures).contains(count) else {
      throw CFailure.argument("n", "0 to \(mostPictures) samples, found \(UInt(bitPattern: count))")
    }
    var list: [PictureWorker.Sample] = []
    list.reserveCapacity(count)
    for index in 0..<count {
      guard let sample = samples?[index], sample < 1 << 48 else {
        throw CFailure.argument("samples[\(index)]", "the number of a sample")
      }
      guard let label = labels?[index], worker.takes(label: Int(label)) else {
        throw CFailure.argument("labels[\(index)]", "a class of the task's")
      }
      list.append(.init(number: Int(sample), label: Int(label), picture: try picture(index)))
    }
    records.pointee = CRecords.table.add(CRecords(try worker.run(list)))
  }
}

/// The bytes of records.
@c(fixresc_records_get)
public func recordsGet(
  records: OpaquePointer?, bytes: UnsafeMutablePointer<UnsafeRawPointer?>?, size: UnsafeMutablePointer<Int>?
) -> Int32 {
  status {
    let records = try CRecords.table.object(records)
    guard let bytes else { throw CFailure.argument("bytes", "a pointer, found null") }
    guard let size else { throw CFailure.argument("size", "a pointer, found null") }
    bytes.pointee = UnsafeRawPointer(records.bytes.baseAddress)
    size.pointee = records.bytes.count
  }
}

/// Forgets records.
@c(fixresc_records_free)
public func recordsFree(records: OpaquePointer?) -> Int32 { status { try CRecords.table.remove(records) } }
