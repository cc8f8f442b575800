import FixresBase
import FixresFormats
import TestSupport
import Testing

/// Documentation/Formats.md names every ONNX operator that is imported and every wrapper of a state dictionary.
@Suite struct FormatsPageTests {
  private static func words() throws -> Set<Substring> {
    let bytes = try MappedFile.open(TestData.root + "/Documentation/Formats.md")
    let text = String(decoding: bytes.array, as: UTF8.self)
    return Set(text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) })
  }

  @Test func everyOperatorIsListed() throws {
    let words = try Self.words()
    #expect(OnnxOperators.names.count > 35)
    for name in OnnxOperators.names.sorted() where !words.contains(name[...]) {
      Issue.record("Documentation/Formats.md does not name the operator \(name)")
    }
  }

  @Test func everyWrapperIsListed() throws {
    let words = try Self.words()
    for name in Checkpoint.wrappers where !words.contains(name[...]) {
      Issue.record("Documentation/Formats.md does not name the wrapper \(name)")
    }
  }
}
