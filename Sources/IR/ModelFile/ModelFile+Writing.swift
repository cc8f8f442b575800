import FixresAssembler
import FixresBase

extension ModelFile {
  /// Writes `model` to `path` through a temporary file that replaces it whole; an error leaves `path` untouched.
  ///
  /// - Throws: `file`.
  public static func write(_ model: Model, to path: String) throws(IRError) {
    do {
      var writer = try AtomicFileWriter(path: path)
      try writeSections(of: model, to: &writer)
      for witness in model.fileWitnesses { try witness.requireUnchanged() }
      try writer.commit()
    } catch {
      throw .file(error)
    }
  }

  private struct Entry {
    let kind: SectionKind
    let offset: Int
    let byteCount: Int
    let checksum: UInt32
  }

  private static func writeSections(
    of model: Model, to writer: inout AtomicFileWriter
  ) throws(FileError) {
    var texts = [
      (SectionKind.graph, GraphPrinter.text(of: model.graph)),
      (.metadata, model.metadata.json(testResolution: model.graph.resolution).serialized(pretty: true)),
    ]
    if !model.tunings.isEmpty {
      texts.append((.tuning, Tuning.json(model.tunings).serialized(pretty: true)))
    }
    let packed = model.validPackedConstants
    let others = (packed.isEmpty ? 0 : 1) + (model.references.isEmpty ? 0 : 1)
    let tableByteCount = (texts.count + 1 + others) * entryByteCount
    try writer.write([UInt8](repeating: 0, count: headerByteCount + tableByteCount))
    var entries: [Entry] = []
    for (kind, text) in texts {
      try writer.pad(to: alignment)
      let bytes = Array(text.utf8)
      let sum = bytes.withUnsafeBytes { HardwareChecksum.checksum($0) }
      entries.append(Entry(kind: kind, offset: writer.byteCount, byteCount: bytes.count, checksum: sum))
      try writer.write(bytes)
    }
    try writer.pad(to: alignment)
    let constants = try writeConstants(of: model, to: &writer)
    entries.append(constants)
    if !packed.isEmpty {
      try writer.pad(to: alignment)
      entries.append(try write(packed, constantsChecksum: constants.checksum, to: &writer))
    }
    if !model.references.isEmpty {
      try writer.pad(to: alignment)
      entries.append(try write(model.references, to: &writer))
    }
    try writer.overwrite(header(entries, fileByteCount: writer.byteCount), at: 0)
  }

  private static func writeConstants(
    of model: Model, to writer: inout AtomicFileWriter
  ) throws(FileError) -> Entry {
    let start = writer.byteCount
    var sum: UInt32 = 0
    for constant in model.graph.constants {
      guard let tensor = model.constants[model.graph[constant].name] else {
        preconditionFailure("%\(model.graph[constant].name) has no data, which no model may lack")
      }
      sum = try writeAligned(tensor.bytes, sum, to: &writer)
    }
    return Entry(
      kind: .constants, offset: start, byteCount: writer.byteCount - start, checksum: sum)
  }

  private static func write(
    _ packed: [PackedConstant], constantsChecksum: UInt32, to writer: inout AtomicFileWriter
  ) throws(FileError) -> Entry {
    let start = writer.byteCount
    let head = PackedConstant.head(of: packed, constantsChecksum: constantsChecksum)
    var sum = head.withUnsafeBytes { HardwareChecksum.checksum($0) }
    try writer.write(head)
    for entry in packed { sum = try writeAligned(entry.elements.bytes, sum, to: &writer) }
    return Entry(kind: .packed, offset: start, byteCount: writer.byteCount - start, checksum: sum)
  }

  private static func write(
    _ references: [ReferencePair], to writer: inout AtomicFileWriter
  ) throws(FileError) -> Entry {
    let start = writer.byteCount
    let (head, blobs) = ReferencePair.section(of: references)
    var sum = head.withUnsafeBytes { HardwareChecksum.checksum($0) }
    try writer.write(head)
    for blob in blobs { sum = try writeAligned(blob, sum, to: &writer) }
    return Entry(kind: .references, offset: start, byteCount: writer.byteCount - start, checksum: sum)
  }

  /// Writes `bytes` on the next multiple of `alignment`; `sum` with what was written added to it.
  private static func writeAligned(
    _ bytes: Bytes, _ sum: UInt32, to writer: inout AtomicFileWriter
  ) throws(FileError) -> UInt32 {
    let zeros = [UInt8](repeating: 0, count: roundUp(writer.byteCount) - writer.byteCount)
    try writer.write(zeros)
    let padded = zeros.withUnsafeBytes { HardwareChecksum.checksum($0, seed: sum) }
    let own = checksum(of: bytes)
    try writer.write(bytes)
    return CRC32C.combine(padded, own, byteCountOfB: bytes.count)
  }

  private static func header(_ entries: [Entry], fileByteCount: Int) -> [UInt8] {
    var table: [UInt8] = []
    for entry in entries {
      table += littleEndian(entry.kind.code)
      table += littleEndian(entry.kind.isRequired ? requiredFlag : 0)
      table += littleEndian(UInt64(entry.offset)) + littleEndian(UInt64(entry.byteCount))
      table += littleEndian(entry.checksum) + littleEndian(UInt32(0))
    }
    var header = magic
    header += littleEndian(UInt16(majorVersion)) + littleEndian(UInt16(minorVersion))
    header += littleEndian(UInt32(entries.count)) + littleEndian(UInt64(fileByteCount))
    header += littleEndian(table.withUnsafeBytes { HardwareChecksum.checksum($0) })
    header += littleEndian(header.withUnsafeBytes { HardwareChecksum.checksum($0) })
    return header + table
  }

  private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
