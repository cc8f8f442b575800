import FixresBase

/// The `.bin` container: little-endian; a header, a table of sections, and the sections, each with a CRC-32C.
///
///     0   magic "FIXRESC\0"
///     8   u16 major version, u16 minor version
///     12  u32 number of sections
///     16  u64 byte count of the whole file
///     24  u32 CRC-32C of the section table
///     28  u32 CRC-32C of the 28 bytes before
///     32  the section table, 32 bytes a section:
///           u32 kind (four letters), u32 flags (bit 0: a reader that does not know the kind must refuse),
///           u64 offset, u64 byte count, u32 CRC-32C, u32 zero
///
/// Sections start on multiples of 64. `GRPH` is the graph's text; `META` the metadata as JSON; `CNST` the
/// constants in the order in which the graph declares them, each on a multiple of 64 from the section's start;
/// `TUNE` what `adapt --tune` measured, as JSON; `PACK` the constants that `adapt --pack` rearranged; `REFS` inputs with
/// the outputs of the original program. The last three may be missing and need not be known.
/// A reader accepts every file of its own or an earlier major version.
public enum ModelFile {
  package static let magic: [UInt8] = Array("FIXRESC\0".utf8)
  package static let majorVersion = 1
  package static let minorVersion = 0
  static let headerByteCount = 32
  static let entryByteCount = 32
  static let alignment = 64
  static let maximumSectionCount = 64

  /// A kind of section, by its four letters.
  enum SectionKind: String, CaseIterable {
    case graph = "GRPH"
    case metadata = "META"
    case constants = "CNST"
    case tuning = "TUNE"
    case packed = "PACK"
    case references = "REFS"

    /// Whether a reader that does not know the kind must refuse the file.
    var isRequired: Bool {
      switch self {
      case .graph, .metadata, .constants: true
      case .tuning, .packed, .references: false
      }
    }

    var code: UInt32 { rawValue.utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
  }

  static let requiredFlag: UInt32 = 1

  /// Where each constant of `graph` lies in the constants' section, and the section's byte count.
  static func constantLayout(of graph: Graph) -> (offsets: [Int], byteCount: Int)? {
    var offsets: [Int] = []
    var end = 0
    for constant in graph.constants {
      let start = roundUp(end)
      guard let count = graph[constant].type.checkedElementCount, count < Int.max / 8 - start else {
        return nil
      }
      offsets.append(start)
      end = start + count * 4
    }
    return (offsets, end)
  }

  static func roundUp(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}
