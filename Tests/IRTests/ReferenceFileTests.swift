import FixresBase
import FixresIR
import TestSupport
import Testing

/// The `REFS` section: what is written is read, damage and nonsense are refused by name.
@Suite struct ReferenceFileTests {
  private static func model() throws -> Model {
    var model = try ModelFileTests.smallModel()
    var rule = Preprocessing(resizeRule: .squash, interpolation: .bicubic, cropShare: 0.95)
    rule.squashFrom = 384
    model.references = [
      ReferencePair(
        name: "in.npy", input: .tensor(Tensor(shape: [2, 1, 1, 3], [0, 1, .nan, -0.0, 5, 6])),
        outputs: Tensor(shape: [2, 1], [7, 8])),
      ReferencePair(
        name: "a \"photo\".jpg",
        input: .picture(
          .init(
            bytes: Bytes(Array(0..<100)), preprocessing: rule, size: Extent(224, 320),
            appliesOrientation: true)),
        outputs: Tensor(shape: [1, 3], [0.25, 0.5, 0.25])),
    ]
    model.metadata.verified = Verification(references: 2, maximumDifference: 2.5e-7)
    return model
  }

  @Test func readsBackWhatWasWritten() throws {
    let model = try Self.model()
    let bytes = try ModelFileTests.fileBytes(of: model)
    let read = try ModelFile.read(Bytes(bytes))
    #expect(read == model && read.references == model.references)
    #expect(read.metadata.verified == model.metadata.verified)
    #expect(read.references.map(\.resolution) == [Extent(1, 3), Extent(224, 320)])
    #expect(try ModelFileTests.fileBytes(of: read) == bytes)
    var plain = model
    plain.forgetReferences()
    #expect(plain.metadata.verified == nil && plain != model)
    let without = try ModelFileTests.fileBytes(of: plain)
    #expect(without[12] == 3 && bytes[12] == 4, "a file without references has no such section")
  }

  @Test func referencesStandBesidePackedConstants() throws {
    var model = try Self.model()
    let weight = try #require(model.constants["fc.weight"])
    model.packedConstants = [
      PackedConstant(
        constant: "fc.weight", layout: "direct 16x1", elements: Tensor(shape: [2], [1, 2]), source: weight)
    ]
    let read = try ModelFile.read(Bytes(try ModelFileTests.fileBytes(of: model)))
    #expect(read == model && read.packedConstants.count == 1 && read.references.count == 2)
  }

  @Test func everyBitFlipIsRefusedOrLiesInPadding() throws {
    let model = try Self.model()
    var bytes = try ModelFileTests.fileBytes(of: model)
    for index in bytes.indices {
      bytes[index] ^= 1 << (index % 8)
      if let read = try? ModelFile.read(Bytes(bytes)) { #expect(read == model, "byte \(index)") }
      bytes[index] ^= 1 << (index % 8)
    }
  }

  @Test func everyPrefixIsRefused() throws {
    let bytes = try ModelFileTests.fileBytes(of: try Self.model())
    for count in bytes.indices {
      #expect((try? ModelFile.read(Bytes(Array(bytes[..<count])))) == nil, "\(count) bytes")
    }
  }

  /// The section of `entries` and `blobCount` bytes of blobs.
  private func read(
    _ entries: String, version: String = "1", blobCount: Int = 68, byteCount: UInt32? = nil
  ) -> Result<[ReferencePair], IRError> {
    let text = Array(#"{"version": \#(version), "references": [\#(entries)]}"#.utf8)
    var bytes: [UInt8] = withUnsafeBytes(of: byteCount ?? UInt32(text.count)) { Array($0) }
    bytes += [0, 0, 0, 0] + text
    bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64 + blobCount)
    return Result { () throws(IRError) in try ReferencePair.read(Bytes(bytes)) }
  }

  private static let outputs = #""outputs": {"shape": [1, 1], "offset": 64}"#
  private static let tensor =
    #"{"name": "a", "kind": "tensor", "shape": [1, 1, 1, 2], "offset": 0, \#(outputs)}"#

  @Test func aPlainSectionIsRead() throws {
    #expect(try read(Self.tensor).get().map(\.name) == ["a"])
    #expect(try read(Self.tensor, version: "2").get().isEmpty, "a later version is passed over")
  }

  @Test(arguments: [
    ("version", "0", tensor),
    ("name", "1", #"{"kind": "tensor"}"#),
    ("kind", "1", #"{"name": "a", "kind": "video"}"#),
    ("shape", "1", #"{"name": "a", "kind": "tensor", "shape": [1, 1, 2], "offset": 0}"#),
    ("shape", "1", #"{"name": "a", "kind": "tensor", "shape": [1, 0, 1, 2], "offset": 0}"#),
    ("shape", "1", #"{"name": "a", "kind": "tensor", "shape": [4611686018427387904, 4, 1, 2], "offset": 0}"#),
    ("offset", "1", #"{"name": "a", "kind": "tensor", "shape": [1, 1, 1, 2], "offset": 64, \#(outputs)}"#),
    ("outputs", "1", #"{"name": "a", "kind": "tensor", "shape": [2, 1, 1, 1], "offset": 0, \#(outputs)}"#),
    ("size", "1", #"{"name": "a", "kind": "picture", "size": [0, 5], "byte_count": 4}"#),
    ("byte_count", "1", #"{"name": "a", "kind": "picture", "size": [5, 5], "offset": 0}"#),
    ("offset", "1", #"{"name": "a", "kind": "picture", "size": [5, 5], "offset": 0, "byte_count": 500}"#),
    (
      "preprocessing", "1", #"{"name": "a", "kind": "picture", "size": [5, 5], "offset": 0, "byte_count": 5}"#
    ),
  ])
  func nonsenseIsRefusedByName(key: String, version: String, entry: String) {
    guard case .failure(.modelFile("REFS", .metadata(let found, _))) = read(entry, version: version) else {
      Issue.record("\(entry) was not refused by a key")
      return
    }
    #expect(found == key || key == "preprocessing")
  }

  @Test func sizesOutsideTheSectionAreRefused() {
    for result in [
      read(Self.tensor, byteCount: 1 << 31), read(Self.tensor, byteCount: 4000),
      read(Self.tensor, blobCount: 80),
    ] {
      guard case .failure(.modelFile("REFS", let fault)) = result else {
        Issue.record("expected a refusal, found \(result)")
        continue
      }
      switch fault {
      case .byteCount, .truncated: break
      default: Issue.record("\(fault)")
      }
    }
  }
}
