import FixresBase

/// The state of an interrupted fine-tuning, a small file beside the output.
///
/// Little-endian: `FIXRSTAT`, version u32, length of the header u32, header (JSON), then each array's elements as
/// f64 in the header's order, and CRC-32C of all before it.
package struct TrainingState: Sendable, Equatable {
  /// The settings of the training; only a training with the same settings resumes from a state.
  package var fingerprint: JSON.Object
  /// Epochs done.
  package var epoch: Int
  /// What was measured after each epoch.
  package var records: [JSON]
  /// Parameters and momentum by name.
  package var arrays: [String: [Double]]

  /// A state to write.
  package init(fingerprint: JSON.Object, epoch: Int, records: [JSON], arrays: [String: [Double]]) {
    (self.fingerprint, self.epoch) = (fingerprint, epoch)
    (self.records, self.arrays) = (records, arrays)
  }

  /// The version of the file's layout.
  package static let version: UInt32 = 1
  private static let magic = Array("FIXRSTAT".utf8)

  /// The file's bytes; the platforms of this project are little-endian.
  package func serialized() -> [UInt8] {
    let names = arrays.keys.sorted()
    var header = JSON.Object()
    header["fingerprint"] = .object(fingerprint)
    header["epoch"] = .integer(Int64(epoch))
    header["records"] = .array(records)
    header["arrays"] = .array(
      names.map { name in
        var entry = JSON.Object()
        entry["name"] = .string(name)
        entry["count"] = .integer(Int64(arrays[name]?.count ?? 0))
        return .object(entry)
      })
    let text = Array(JSON.object(header).serialized().utf8)
    var bytes = Self.magic + Self.little(Self.version) + Self.little(UInt32(text.count)) + text
    for name in names {
      (arrays[name] ?? []).withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    let sum = bytes.withUnsafeBytes { CRC32C.checksum($0) }
    return bytes + Self.little(sum)
  }

  /// The state that `bytes` hold.
  ///
  /// - Throws: `TrainingStateFault` where the bytes are not a sound state.
  package init(_ bytes: Bytes) throws(TrainingStateFault) {
    guard bytes.starts(with: Self.magic) else { throw .notAState }
    var reader = ByteReader(bytes)
    do {
      try reader.skip(Self.magic.count)
      let version = try reader.readLittle(UInt32.self)
      guard version <= Self.version else {
        throw TrainingStateFault.newerVersion(found: version, known: Self.version)
      }
      guard bytes.count >= 4 else { throw TrainingStateFault.damaged(at: bytes.count) }
      let body = try bytes.slice(0, bytes.count - 4)
      var tail = ByteReader(try bytes.slice(bytes.count - 4, 4))
      let sum = body.withUnsafeBytes { CRC32C.checksum($0) }
      guard try tail.readLittle(UInt32.self) == sum else {
        throw TrainingStateFault.damaged(at: bytes.count - 4)
      }
      let length = try reader.readLittle(UInt32.self)
      let header = try JSON.parse(try reader.read(Int(length)))
      self = try Self.state(header, &reader)
    } catch let fault as TrainingStateFault {
      throw fault
    } catch {
      throw .damaged(at: reader.position)
    }
  }

  private static func state(_ header: JSON, _ reader: inout ByteReader) throws -> TrainingState {
    guard case .object(let header) = header, case .object(let fingerprint)? = header["fingerprint"],
      case .integer(let epoch)? = header["epoch"], case .array(let records)? = header["records"],
      case .array(let entries)? = header["arrays"], epoch >= 0, epoch <= 1 << 32
    else { throw TrainingStateFault.damaged(at: reader.position) }
    var arrays: [String: [Double]] = [:]
    for entry in entries {
      guard case .object(let entry) = entry, case .string(let name)? = entry["name"],
        case .integer(let count)? = entry["count"], count >= 0, Int(count) <= reader.remaining / 8,
        arrays[name] == nil, AddressSpace.allows(Int(count) * 8)
      else { throw TrainingStateFault.damaged(at: reader.position) }
      var values: [Double] = []
      values.reserveCapacity(Int(count))
      for _ in 0..<Int(count) { values.append(Double(bitPattern: try reader.readLittle(UInt64.self))) }
      arrays[name] = values
    }
    // What is left is the checksum.
    guard reader.remaining == 4 else { throw TrainingStateFault.damaged(at: reader.position) }
    return TrainingState(
      fingerprint: fingerprint, epoch: Int(epoch), records: records, arrays: arrays)
  }

  /// Throws where the state was left by a training with other settings than `now`.
  ///
  /// - Throws: `TrainingStateFault.otherTraining` with the first setting that differs.
  package func check(against now: JSON.Object) throws(TrainingStateFault) {
    for member in now.members {
      let found = fingerprint[member.key]
      guard found == member.value else {
        throw .otherTraining(
          setting: member.key, state: found?.serialized() ?? "nothing", now: member.value.serialized())
      }
    }
  }

  private static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
