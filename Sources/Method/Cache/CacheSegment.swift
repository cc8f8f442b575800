import FixresAssembler
import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One file of a cache: records of one length, which one process appends and any may read.
///
/// Little-endian: `FIXRFEAT`, version u32, bytes of a payload u32, key (16 bytes), CRC-32C of these 32 bytes, zeros up
/// to 64 bytes. Then records: the sample's hash (16 bytes), flags u32, CRC-32C of hash, flags and payload, the
/// payload, zeros up to a multiple of 8.
enum CacheSegment {
  static let suffix = ".fixresfeatures"
  static let headerByteCount = 64
  static let recordHeaderByteCount = 24
  private static let version: UInt32 = 1

  /// Bytes from a record to the next.
  static func stride(_ payloadByteCount: Int) -> Int {
    (recordHeaderByteCount + payloadByteCount + 7) / 8 * 8
  }

  static func header(key: ContentHash, payloadByteCount: Int) -> [UInt8] {
    var bytes = Array("FIXRFEAT".utf8) + little(version) + little(UInt32(payloadByteCount)) + key.bytes
    bytes += little(bytes.withUnsafeBytes { HardwareChecksum.checksum($0) })
    return bytes + [UInt8](repeating: 0, count: headerByteCount - bytes.count)
  }

  static func record(_ hash: ContentHash, flags: UInt32, _ payload: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(stride(payload.count))
    bytes += hash.bytes + little(flags)
    bytes += little(checksum(bytes, payload))
    bytes.append(contentsOf: payload)
    bytes += [UInt8](repeating: 0, count: stride(payload.count) - bytes.count)
    return bytes
  }

  /// The flags of a record as it is read; nil where it is not that of `hash` or damaged.
  static func flags(of record: UnsafeRawBufferPointer, hash: ContentHash, payloadByteCount: Int) -> UInt32? {
    guard record.count >= recordHeaderByteCount + payloadByteCount,
      ContentHash(stored: record) == hash
    else { return nil }
    let flags = UInt32(littleEndian: record.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    let sum = UInt32(littleEndian: record.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
    let payload = UnsafeRawBufferPointer(rebasing: record[recordHeaderByteCount...].prefix(payloadByteCount))
    return checksum(Array(record[..<20]), payload) == sum ? flags : nil
  }

  private static func checksum(_ head: [UInt8], _ payload: UnsafeRawBufferPointer) -> UInt32 {
    HardwareChecksum.checksum(payload, seed: head.withUnsafeBytes { HardwareChecksum.checksum($0) })
  }

  private static func little(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// A segment that is open for reading.
final class CacheReader {
  private let descriptor: Int32
  private let payloadByteCount: Int
  /// Number of whole records when the segment was opened.
  let count: Int

  /// Opens the segment at `path`; nil where it is not a sound one of `key`.
  init?(path: String, key: ContentHash, payloadByteCount: Int) {
    let descriptor = FileName.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
    guard descriptor >= 0 else { return nil }
    var status = stat()
    let expected = CacheSegment.header(key: key, payloadByteCount: payloadByteCount)
    var header = [UInt8](repeating: 0, count: expected.count)
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      header.withUnsafeMutableBytes({ readAll(descriptor, $0, at: 0) }), header == expected
    else {
      close(descriptor)
      return nil
    }
    (self.descriptor, self.payloadByteCount) = (descriptor, payloadByteCount)
    count = (Int(status.st_size) - CacheSegment.headerByteCount) / CacheSegment.stride(payloadByteCount)
  }

  deinit { close(descriptor) }

  /// The hash of the record `index`; nil where it cannot be read.
  func hash(of index: Int) -> ContentHash? {
    var bytes = [UInt8](repeating: 0, count: 16)
    return bytes.withUnsafeMutableBytes { buffer in
      readAll(descriptor, buffer, at: offset(of: index))
        ? ContentHash(stored: UnsafeRawBufferPointer(buffer)) : nil
    }
  }

  /// Reads the record `index` into `record`; its flags, or nil where it is damaged or not that of `hash`.
  func read(_ index: Int, hash: ContentHash, into record: UnsafeMutableRawBufferPointer) -> UInt32? {
    guard readAll(descriptor, record, at: offset(of: index)) else { return nil }
    return CacheSegment.flags(
      of: UnsafeRawBufferPointer(record), hash: hash, payloadByteCount: payloadByteCount)
  }

  private func offset(of index: Int) -> Int {
    CacheSegment.headerByteCount + index * CacheSegment.stride(payloadByteCount)
  }
}

/// A segment that this process appends to; it stops for good at the first write that fails.
final class CacheWriter {
  let path: String
  private(set) var isOpen = true
  private let descriptor: Int32

  init?(path: String, key: ContentHash, payloadByteCount: Int) {
    let descriptor = FileName.withBytes(path) {
      open($0, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else { return nil }
    (self.path, self.descriptor) = (path, descriptor)
    append(CacheSegment.header(key: key, payloadByteCount: payloadByteCount))
  }

  deinit { close(descriptor) }

  /// Appends `bytes` in one call, so that nothing but whole records lies before a cut.
  func append(_ bytes: [UInt8]) {
    guard isOpen else { return }
    isOpen = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
  }
}

/// Fills `buffer` from `offset` of a file; false where the file ends before.
func readAll(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
  guard let base = buffer.baseAddress else { return true }
  var done = 0
  while done < buffer.count {
    let count = pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return false }
    done += count
  }
  return true
}
