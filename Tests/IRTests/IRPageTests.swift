import FixresBase
import FixresIR
import TestSupport
import Testing

/// Documentation/IR.md lists every operation with its attributes.
@Suite struct IRPageTests {
  @Test func everyOperationIsDescribed() throws {
    let bytes = try MappedFile.open(TestData.root + "/Documentation/IR.md")
    let lines = String(decoding: bytes.array, as: UTF8.self).split(separator: "\n")
    for kind in Op.Kind.allCases {
      #expect(
        lines.contains { $0.hasPrefix("| `\(kind.rawValue)` |") },
        "Documentation/IR.md has no row for \(kind.rawValue)")
    }
  }
}
