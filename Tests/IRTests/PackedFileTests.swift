import FixresBase
import FixresIR
import TestSupport
import Testing

/// The `PACK` section: what is written is read, what no longer holds is left out, and nonsense is refused by name.
@Suite struct PackedFileTests {
  private static func entry(
    _ constant: String, _ layout: String, _ elements: [Float], of model: Model
  ) throws -> PackedConstant {
    PackedConstant(
      constant: constant, layout: layout, elements: Tensor(shape: [elements.count], elements),
      source: try #require(model.constants[constant]))
  }

  private static func packed() throws -> Model {
    var model = try ModelFileTests.smallModel()
    model.packedConstants = [
      try entry("conv weight \"0\"", "direct 16x1", (0..<35).map(Float.init), of: model),
      try entry("conv weight \"0\"", "winograd4 16x1", [1, .nan, -0.0], of: model),
      try entry("fc.weight", "direct 16x1", [2], of: model),
    ]
    return model
  }

  @Test func readsBackWhatWasWritten() throws {
    let model = try Self.packed()
    let bytes = try ModelFileTests.fileBytes(of: model)
    let read = try ModelFile.read(Bytes(bytes))
    #expect(read == model && read.validPackedConstants == model.packedConstants)
    for entry in read.packedConstants { #expect(Int(bitPattern: entry.elements.bytes.unsafeBase) % 64 == 0) }
    #expect(try ModelFileTests.fileBytes(of: read) == bytes)
    var plain = model
    plain.packedConstants = []
    let without = try ModelFileTests.fileBytes(of: plain)
    #expect(without[12] == 3 && bytes[12] == 4, "a file that nothing was packed in has no such section")
  }

  @Test func aReplacedConstantLosesItsPackedForms() throws {
    var model = try ModelFile.read(Bytes(try ModelFileTests.fileBytes(of: try Self.packed())))
    let name = "conv weight \"0\""
    let old = try #require(model.constants[name])
    try model.setConstant(name, to: Tensor(shape: old.shape, old.floats))
    #expect(model.validPackedConstants.map(\.constant) == ["fc.weight"], "equal, but not the same")
    let read = try ModelFile.read(Bytes(try ModelFileTests.fileBytes(of: model)))
    #expect(read.packedConstants.map(\.constant) == ["fc.weight"])
    let weight = try #require(model.constants["fc.weight"])
    try model.setConstant("fc.weight", to: Tensor(shape: weight.shape, weight.floats))
    #expect(model.validPackedConstants.isEmpty)
  }

  @Test("row 4 and 17: every bit flip is refused or lies in padding")
  func everyBitFlipIsRefusedOrLiesInPadding() throws {
    let model = try Self.packed()
    var bytes = try ModelFileTests.fileBytes(of: model)
    for index in bytes.indices {
      bytes[index] ^= 1 << (index % 8)
      if let read = try? ModelFile.read(Bytes(bytes)) { #expect(read == model, "byte \(index)") }
      bytes[index] ^= 1 << (index % 8)
    }
  }

  @Test("row 3 and 17: every prefix is refused") func everyPrefixIsRefused() throws {
    let bytes = try ModelFileTests.fileBytes(of: try Self.packed())
    for count in bytes.indices {
      #expect((try? ModelFile.read(Bytes(Array(bytes[..<count])))) == nil, "\(count) bytes")
    }
  }

  private static let checksum: UInt32 = 77

  /// The section of `index` and `elementCount` zeros, read for the small model.
  private func read(
    _ index: String, elementCount: Int = 16, byteCount: UInt32? = nil
  ) throws -> Result<[PackedConstant], IRError> {
    let constants = try ModelFileTests.smallModel().constants
    let text = Array(index.utf8)
    var bytes: [UInt8] = withUnsafeBytes(of: byteCount ?? UInt32(text.count)) { Array($0) }
    bytes += [0, 0, 0, 0] + text
    bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64 + elementCount * 4)
    return Result { () throws(IRError) in
      try PackedConstant.read(Bytes(bytes), for: constants, checksum: Self.checksum)
    }
  }

  private static func index(_ tensors: String) -> String {
    #"{"version": 1, "constants_checksum": 77, "tensors": [\#(tensors)]}"#
  }

  private static let one = #"{"constant": "fc.weight", "layout": "x", "offset": 0, "count": 16}"#

  @Test func takesWhatFits() throws {
    #expect(try read(Self.index(Self.one)).get().count == 1)
    let second = #"{"constant": "fc.weight", "layout": "y", "offset": 64, "count": 3}"#
    #expect(try read(Self.index(Self.one + "," + second), elementCount: 19).get().count == 2)
    #expect(try read(Self.index(""), elementCount: 0).get().isEmpty)
  }

  @Test func anotherVersionIsPassedOver() throws {
    #expect(try read(#"{"version": 2, "tensors": 7}"#) == .success([]))
  }

  @Test(arguments: [
    (#"{"tensors": []}"#, "version"), (#"{"version": 0}"#, "version"), (#"{"version": "1"}"#, "version"),
    (#"{"version": 1, "tensors": []}"#, "constants_checksum"),
    (#"{"version": 1, "constants_checksum": 78, "tensors": []}"#, "constants_checksum"),
    (#"{"version": 1, "constants_checksum": -77, "tensors": []}"#, "constants_checksum"),
    (#"{"version": 1, "constants_checksum": 77}"#, "tensors"), (index("7"), "constant"),
    (index(#"{"constant": "no such", "layout": "x", "offset": 0, "count": 1}"#), "constant"),
    (index(#"{"constant": "fc.weight", "layout": 5, "offset": 0, "count": 1}"#), "layout"),
    (
      index(
        #"{"constant": "fc.weight", "layout": "\#(String(repeating: "x", count: 200))", "offset": 0, "count": 1}"#
      ),
      "layout"
    ),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 64, "count": 1}"#), "offset"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": -64, "count": 1}"#), "offset"),
    (index(#"{"constant": "fc.weight", "layout": "x", "count": 1}"#), "offset"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 0}"#), "count"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 0, "count": 0}"#), "count"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 0, "count": -16}"#), "count"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 0, "count": 17}"#), "count"),
    (index(#"{"constant": "fc.weight", "layout": "x", "offset": 0, "count": 9223372036854775807}"#), "count"),
    (index(one + "," + one), "offset"),
    (index(one + #", {"constant": "fc.weight", "layout": "y", "offset": 64, "count": 1}"#), "count"),
  ])
  func namesTheKey(text: String, key: String) throws {
    guard case .failure(.modelFile("PACK", .metadata(let found, _))) = try read(text) else {
      Issue.record("\(text) was taken")
      return
    }
    #expect(found == key, "\(text)")
  }

  @Test func aLayoutOfAConstantComesOnce() throws {
    let again = #"{"constant": "fc.weight", "layout": "x", "offset": 64, "count": 16}"#
    guard
      case .failure(.modelFile("PACK", .metadata("tensors", _))) = try read(
        Self.index(Self.one + "," + again), elementCount: 32)
    else {
      Issue.record("two of one layout were taken")
      return
    }
  }

  @Test func leftOverElementsAndBrokenIndicesAreRefused() throws {
    #expect(throws: IRError.modelFile(section: "PACK", .byteCount(expected: 64, found: 128))) {
      try read(Self.index(Self.one), elementCount: 32).get()
    }
    for (text, byteCount) in [("", 0), ("{", 1), ("{}", 5000), ("{}", UInt32.max)] as [(String, UInt32)] {
      guard case .failure(.modelFile("PACK", _)) = try read(text, byteCount: byteCount) else {
        Issue.record("\(text), \(byteCount) was taken")
        return
      }
    }
    let most = UInt32(PackedConstant.mostIndexBytes)
    guard case .failure(.modelFile("PACK", .truncated(let expected, _))) = try read("{}", byteCount: most),
      case .failure(.modelFile("PACK", .byteCount)) = try read("{}", byteCount: most + 1)
    else {
      Issue.record("an index beyond its section was taken")
      return
    }
    #expect(expected == 64 + Int(most), "what the index says it needs")
    let short = Result { () throws(IRError) in
      try PackedConstant.read(Bytes([1, 0, 0]), for: Constants(), checksum: 0)
    }
    #expect(throws: IRError.self) { try short.get() }
  }
}
