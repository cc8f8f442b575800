import FixresAssembler
import FixresBase

extension ModelFile {
  /// Whether `bytes` begin as a model file does.
  package static func isModelFile(_ bytes: Bytes) -> Bool { bytes.starts(with: magic) }

  /// Opens the model at `path`: maps or reads it (`MappedFile`), checks every checksum, verifies the graph. Constants
  /// stay where they are.
  ///
  /// - Throws: `file`, `modelFile` with the section at fault, or what parsing and verifying the graph throw.
  public static func open(_ path: String) throws(IRError) -> Model {
    let bytes: Bytes
    do { bytes = try MappedFile.open(path) } catch { throw .file(error) }
    let model: Model
    do { model = try read(bytes) } catch {
      // A fault of bytes that another program has just written is not the file's.
      try requireUnchanged(bytes)
      throw error
    }
    try requireUnchanged(bytes)
    return model
  }

  private static func requireUnchanged(_ bytes: Bytes) throws(IRError) {
    do { try bytes.requireUnchanged() } catch { throw .file(error) }
  }

  /// The model that `bytes`, a whole model file, hold.
  package static func read(_ bytes: Bytes) throws(IRError) -> Model {
    let sections = try readTable(bytes)
    let graphBytes = try take(.graph, from: sections)
    let metadataBytes = try take(.metadata, from: sections)
    let constantBytes = try take(.constants, from: sections)
    guard let text = graphBytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw .modelFile(section: SectionKind.graph.rawValue, .notUTF8)
    }
    let verified = try VerifiedGraph(GraphParser.parse(text))
    let metadata = try ModelMetadata(json: metadataBytes)
    let constants = try readConstants(of: verified.graph, from: constantBytes)
    return try Model(
      verified: verified, constants: constants, metadata: metadata,
      tunings: try readTunings(of: verified.graph, from: sections),
      packedConstants: try readPacked(constants, constantBytes, from: sections),
      references: try readReferences(from: sections))
  }

  private struct Section {
    let kind: UInt32
    let isRequired: Bool
    let bytes: Bytes
    let checksum: UInt32

    var name: String {
      let letters = (0..<4).map { UInt8(truncatingIfNeeded: kind >> (8 * $0)) }
      let isPlain = letters.allSatisfy { (0x20..<0x7F).contains($0) }
      return isPlain ? String(decoding: letters, as: UTF8.self) : "0x" + String(kind, radix: 16)
    }
  }

  private static func readTable(_ bytes: Bytes) throws(IRError) -> [Section] {
    guard isModelFile(bytes) else { throw .modelFile(section: "header", .notAModelFile) }
    do {
      return try readTableChecked(bytes)
    } catch let error as IRError {
      throw error
    } catch {
      throw .modelFile(
        section: "header",
        .truncated(expectedByteCount: headerByteCount, foundByteCount: bytes.count))
    }
  }

  private static func readTableChecked(_ bytes: Bytes) throws -> [Section] {
    var reader = ByteReader(bytes)
    try reader.skip(magic.count)
    let major = Int(try reader.readLittle(UInt16.self))
    guard major <= majorVersion else {
      throw IRError.modelFile(
        section: "header", .newerVersion(found: major, supported: majorVersion))
    }
    _ = try reader.readLittle(UInt16.self)
    let sectionCount = Int(try reader.readLittle(UInt32.self))
    let byteCount = try reader.readLittle(UInt64.self)
    let tableChecksum = try reader.readLittle(UInt32.self)
    let headerChecksum = try reader.readLittle(UInt32.self)
    try compare(try bytes.slice(0, headerByteCount - 4), with: headerChecksum, section: "header")
    guard byteCount == UInt64(bytes.count) else {
      throw IRError.modelFile(
        section: "header",
        .truncated(expectedByteCount: Int(clamping: byteCount), foundByteCount: bytes.count))
    }
    guard sectionCount <= maximumSectionCount else {
      throw IRError.modelFile(
        section: "table", .byteCount(expected: maximumSectionCount, found: sectionCount))
    }
    let table = try reader.read(sectionCount * entryByteCount)
    try compare(table, with: tableChecksum, section: "table")
    let sections = try readEntries(table, of: bytes)
    try checkLayout(sections, firstByte: headerByteCount + table.count)
    return sections
  }

  private static func readEntries(_ table: Bytes, of file: Bytes) throws -> [Section] {
    var reader = ByteReader(table)
    var sections: [Section] = []
    while !reader.isAtEnd {
      let kind = try reader.readLittle(UInt32.self)
      let flags = try reader.readLittle(UInt32.self)
      let offset = try reader.readLittle(UInt64.self)
      let byteCount = try reader.readLittle(UInt64.self)
      let checksum = try reader.readLittle(UInt32.self)
      _ = try reader.readLittle(UInt32.self)
      let (end, overflow) = offset.addingReportingOverflow(byteCount)
      let fits = !overflow && end <= UInt64(file.count)
      let section = Section(
        kind: kind, isRequired: flags & requiredFlag != 0,
        bytes: fits ? try file.slice(Int(offset), Int(byteCount)) : .empty, checksum: checksum)
      guard fits else {
        throw IRError.modelFile(
          section: section.name,
          .outOfRange(offset: offset, byteCount: byteCount, fileByteCount: file.count))
      }
      guard offset % UInt64(alignment) == 0 else {
        throw IRError.modelFile(section: section.name, .misaligned(offset: offset))
      }
      sections.append(section)
    }
    return sections
  }

  /// No section may overlap the table or another, come twice, or be one that must be known and is not.
  private static func checkLayout(_ sections: [Section], firstByte: Int) throws(IRError) {
    var end = firstByte
    var previous = "table"
    for section in sections.sorted(by: { $0.bytes.offset < $1.bytes.offset }) where section.bytes.count > 0 {
      guard section.bytes.offset >= end else {
        throw .modelFile(section: section.name, .overlap(with: previous))
      }
      end = section.bytes.offset + section.bytes.count
      previous = section.name
    }
    var seen: Set<UInt32> = []
    for section in sections {
      guard seen.insert(section.kind).inserted else {
        throw .modelFile(section: section.name, .duplicate)
      }
      let isKnown = SectionKind.allCases.contains { $0.code == section.kind }
      if section.isRequired, !isKnown { throw .modelFile(section: section.name, .unknownRequired) }
    }
  }

  /// The bytes of the section of `kind`, their checksum verified.
  private static func take(_ kind: SectionKind, from sections: [Section]) throws(IRError) -> Bytes {
    guard let section = sections.first(where: { $0.kind == kind.code }) else {
      throw .modelFile(section: kind.rawValue, .missing)
    }
    try compare(section.bytes, with: section.checksum, section: kind.rawValue)
    return section.bytes
  }

  private static func readTunings(of graph: Graph, from sections: [Section]) throws(IRError) -> [Tuning] {
    guard sections.contains(where: { $0.kind == SectionKind.tuning.code }) else { return [] }
    return try Tuning.read(try take(.tuning, from: sections), for: graph)
  }

  private static func readPacked(
    _ constants: Constants, _ constantBytes: Bytes, from sections: [Section]
  ) throws(IRError) -> [PackedConstant] {
    guard sections.contains(where: { $0.kind == SectionKind.packed.code }),
      let checksum = sections.first(where: { $0.kind == SectionKind.constants.code })?.checksum
    else { return [] }
    // Nearly none of the constants' pages will be read again.
    constantBytes.releasePages()
    return try PackedConstant.read(
      try take(.packed, from: sections), for: constants, checksum: checksum)
  }

  private static func readReferences(from sections: [Section]) throws(IRError) -> [ReferencePair] {
    guard sections.contains(where: { $0.kind == SectionKind.references.code }) else { return [] }
    return try ReferencePair.read(try take(.references, from: sections))
  }

  private static func compare(_ bytes: Bytes, with expected: UInt32, section: String) throws(IRError) {
    let found = checksum(of: bytes)
    guard found == expected else {
      throw .modelFile(section: section, .checksum(expected: expected, found: found))
    }
  }

  private static func readConstants(of graph: Graph, from section: Bytes) throws(IRError) -> Constants {
    guard let layout = constantLayout(of: graph), layout.byteCount == section.count else {
      throw .modelFile(
        section: SectionKind.constants.rawValue,
        .byteCount(expected: constantLayout(of: graph)?.byteCount ?? .max, found: section.count))
    }
    var constants = Constants()
    for (constant, offset) in zip(graph.constants, layout.offsets) {
      let value = graph[constant]
      do {
        constants[value.name] = Tensor(
          shape: value.type.dims, bytes: try section.slice(offset, value.type.elementCount * 4))
      } catch {
        throw .missingConstant(value.name)
      }
    }
    return constants
  }

  /// The CRC-32C of `bytes`, computed in pieces side by side where there are many.
  package static func checksum(of bytes: Bytes) -> UInt32 {
    let pieceByteCount = 4 << 20
    let pieceCount = (bytes.count + pieceByteCount - 1) / pieceByteCount
    guard pieceCount > 1 else { return bytes.withUnsafeBytes { HardwareChecksum.checksum($0) } }
    let sums = PieceSums(count: pieceCount)
    Concurrently.perform(pieceCount) { piece in
      let start = piece * pieceByteCount
      bytes.withUnsafeBytes { all in
        sums[piece] = HardwareChecksum.checksum(
          UnsafeRawBufferPointer(rebasing: all[start..<min(start + pieceByteCount, all.count)]))
      }
    }
    var sum = sums[0]
    for piece in 1..<pieceCount {
      let count = min(pieceByteCount, bytes.count - piece * pieceByteCount)
      sum = CRC32C.combine(sum, sums[piece], byteCountOfB: count)
    }
    return sum
  }

  /// One slot a piece, each written by one thread only.
  private final class PieceSums: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<UInt32>

    init(count: Int) {
      slots = .allocate(capacity: count)
      slots.initialize(repeating: 0, count: count)
    }

    deinit { slots.deallocate() }

    subscript(index: Int) -> UInt32 {
      get { slots[index] }
      set { slots[index] = newValue }
    }
  }
}
