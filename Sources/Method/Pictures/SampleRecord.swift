import FixresAssembler
import FixresBase
import FixresImaging

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What a worker says of one sample.
///
/// Little-endian: the sample's number u64, state u32, bytes of the payload u32, CRC-32C of these 16 bytes and the payload,
/// zero u32, the payload, zeros up to a multiple of 8. The payload is what the task keeps of a sample, of a picture that
/// failed a JSON object, else empty.
enum SampleRecord {
  /// What became of a sample.
  enum State: UInt32 {
    case ready
    /// Its file has an EXIF orientation other than 1.
    case turned
    /// Its picture can't be read.
    case failed
    /// The network computes numbers that are not finite.
    case notFinite
  }

  static let headByteCount = 24

  /// Bytes from a record to the next.
  static func stride(_ payloadByteCount: Int) -> Int { (headByteCount + payloadByteCount + 7) / 8 * 8 }

  /// Appends a record to `bytes`.
  static func append(
    _ sample: Int, _ state: State, _ payload: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) {
    let start = bytes.count
    withUnsafeBytes(of: UInt64(sample).littleEndian) { bytes += $0 }
    for word in [state.rawValue, UInt32(payload.count)] {
      withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
    }
    let head = bytes[start...].withUnsafeBytes { HardwareChecksum.checksum($0) }
    let sum = UInt64(HardwareChecksum.checksum(payload, seed: head))
    withUnsafeBytes(of: sum.littleEndian) { bytes += $0 }
    bytes.append(contentsOf: payload)
    bytes.append(contentsOf: repeatElement(0, count: start + stride(payload.count) - bytes.count))
  }

  /// Appends the record of a picture that failed.
  static func append(_ sample: Int, _ error: ImageError, to bytes: inout [UInt8]) {
    var object = JSON.Object()
    object["kind"] = .string(error.report.kind)
    object["sentence"] = .string(Text.cut(error.report.message, limit: 2000))
    object["format"] = error.formatWithoutDecoder.map { .string($0) } ?? .null
    Array(JSON.object(object).serialized().utf8).withUnsafeBytes { append(sample, .failed, $0, to: &bytes) }
  }

  /// The error that `payload` tells of.
  static func error(_ payload: UnsafeRawBufferPointer) -> ImageError? {
    guard let object = (try? JSON.parse(Bytes(Array(payload))))?.objectValue,
      let kind = object["kind"]?.stringValue, let sentence = object["sentence"]?.stringValue
    else { return nil }
    return .reported(kind: kind, sentence: sentence, formatWithoutDecoder: object["format"]?.stringValue)
  }
}

/// The records of a task in a file, in whatever order they came.
final class SampleRecords {
  private let descriptor: Int32
  /// Where each sample's record begins; -1 where there is none.
  private var offsets: [Int]
  private var record: UnsafeMutableRawBufferPointer

  /// The most bytes of a failure's payload.
  private static let longestFailure = 1 << 16

  /// Opens the file at `path`, which must hold a record of each of the samples `0..<count`, whose payloads have
  /// `payloadByteCount` bytes.
  init(path: String, count: Int, payloadByteCount: Int) throws(WorkerFault) {
    descriptor = FileName.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC) }
    offsets = [Int](repeating: -1, count: count)
    record = .allocate(byteCount: SampleRecord.stride(payloadByteCount), alignment: 8)
    guard descriptor >= 0 else { throw .file(.last(path, "open")) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(.last(path, "fstat")) }
    let end = Int(status.st_size)
    var offset = 0
    while offset < end {
      let head = try head(at: offset)
      let isResult = head.state == .ready || head.state == .turned
      let fits = isResult ? head.length == payloadByteCount : head.length <= Self.longestFailure
      guard head.sample < UInt64(count), fits, offset + SampleRecord.stride(head.length) <= end else {
        throw .record(offset: offset)
      }
      try place(Int(head.sample), at: offset)
      offset += SampleRecord.stride(head.length)
    }
    if let sample = offsets.firstIndex(of: -1) { throw .missing(sample: sample, count: count) }
  }

  deinit {
    record.deallocate()
    if descriptor >= 0 { close(descriptor) }
  }

  private struct Head {
    let sample: UInt64
    let state: SampleRecord.State
    let length: Int
    let checksum: UInt32
  }

  private func head(at offset: Int) throws(WorkerFault) -> Head {
    try load(SampleRecord.headByteCount, at: offset)
    let bytes = UnsafeRawBufferPointer(record)
    func word(_ place: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    guard let state = SampleRecord.State(rawValue: word(8)) else { throw .record(offset: offset) }
    return Head(
      sample: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)), state: state, length: Int(word(12)),
      checksum: word(16))
  }

  /// Fills `record` with `count` bytes of the file.
  private func load(_ count: Int, at offset: Int) throws(WorkerFault) {
    if record.count < count {
      record.deallocate()
      record = .allocate(byteCount: count, alignment: 8)
    }
    guard readAll(descriptor, UnsafeMutableRawBufferPointer(rebasing: record[..<count]), at: offset) else {
      throw .record(offset: offset)
    }
  }

  /// A record that came twice, as when two workers did the same, counts once; two that differ are a fault.
  private func place(_ sample: Int, at offset: Int) throws(WorkerFault) {
    guard offsets[sample] >= 0 else { return offsets[sample] = offset }
    let (first, second) = (try head(at: offsets[sample]), try head(at: offset))
    guard first.checksum != second.checksum || first.length != second.length else { return }
    for (place, head) in [(offsets[sample], first), (offset, second)] {
      try load(SampleRecord.headByteCount + head.length, at: place)
      guard isSound(head) else { throw .record(offset: place) }
    }
    throw .twice(sample: sample)
  }

  /// Calls `body` with the state and the payload of `sample`.
  func read(
    _ sample: Int, _ body: (SampleRecord.State, UnsafeRawBufferPointer) throws(MethodError) -> Void
  ) throws(MethodError) {
    let offset = offsets[sample]
    let head: Head
    do throws(WorkerFault) {
      head = try self.head(at: offset)
      try load(SampleRecord.headByteCount + head.length, at: offset)
    } catch {
      throw .workers(error)
    }
    guard isSound(head) else { throw .workers(.record(offset: offset)) }
    try body(head.state, payload(head))
  }

  /// The payload of the record that is loaded.
  private func payload(_ head: Head) -> UnsafeRawBufferPointer {
    let start = SampleRecord.headByteCount
    return UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(record)[start..<start + head.length])
  }

  /// Whether the record that is loaded has its checksum.
  private func isSound(_ head: Head) -> Bool {
    let start = HardwareChecksum.checksum(
      UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(record)[..<16]))
    return HardwareChecksum.checksum(payload(head), seed: start) == head.checksum
  }
}
