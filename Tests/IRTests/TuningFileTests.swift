import FixresBase
import FixresIR
import TestSupport
import Testing

/// The `TUNE` section: what is written is read, and nonsense is refused by name.
@Suite struct TuningFileTests {
  private static func tuned() throws -> Model {
    var model = try ModelFileTests.smallModel()
    model.tunings = [
      Tuning(
        processor: "Maker-1-2-3, caches 1 2 3", instructionSet: "avx512",
        choices: [.init(layer: "conv", kernel: "direct 1x6x4 pixels")]),
      Tuning(processor: "Maker-1-2-3, caches 1 2 3", instructionSet: "avx2", choices: []),
    ]
    return model
  }

  @Test func readsBackWhatWasWritten() throws {
    let model = try Self.tuned()
    let bytes = try ModelFileTests.fileBytes(of: model)
    #expect(try ModelFile.read(Bytes(bytes)) == model)
    var plain = model
    plain.tunings = []
    let without = try ModelFileTests.fileBytes(of: plain)
    #expect(without[12] == 3 && bytes[12] == 4, "an untuned file has no such section")
    #expect(try ModelFile.read(Bytes(without)) == plain)
  }

  @Test func everyBitFlipIsRefusedOrLiesInPadding() throws {
    let model = try Self.tuned()
    var bytes = try ModelFileTests.fileBytes(of: model)
    for index in bytes.indices {
      bytes[index] ^= 1 << (index % 8)
      if let read = try? ModelFile.read(Bytes(bytes)) { #expect(read == model, "byte \(index)") }
      bytes[index] ^= 1 << (index % 8)
    }
  }

  /// The section as `text`, read for the small model.
  private func read(_ text: String) -> Result<[Tuning], IRError> {
    Result { () throws(IRError) in
      guard let graph = try? ModelFileTests.smallModel().graph else { return [] }
      return try Tuning.read(Bytes(Array(text.utf8)), for: graph)
    }
  }

  @Test func aLaterVersionIsPassedOver() {
    #expect(read(#"{"version": 2, "tunings": 7}"#) == .success([]))
  }

  @Test(arguments: [
    (#"{"tunings": []}"#, "version"), (#"{"version": 0, "tunings": []}"#, "version"),
    (#"{"version": "1", "tunings": []}"#, "version"), (#"{"version": 1}"#, "tunings"),
    (#"{"version": 1, "tunings": {}}"#, "tunings"), (#"{"version": 1, "tunings": [3]}"#, "processor"),
    (#"{"version": 1, "tunings": [{"processor": "a"}]}"#, "instruction_set"),
    (#"{"version": 1, "tunings": [{"processor": "a", "instruction_set": "b"}]}"#, "choices"),
  ])
  func namesTheKey(text: String, key: String) {
    guard case .failure(.modelFile("TUNE", .metadata(let found, _))) = read(text) else {
      Issue.record("\(text) was taken")
      return
    }
    #expect(found == key)
  }

  @Test func choicesNameConvolutionsOnceEach() {
    func fault(_ choices: String) -> String? {
      let text =
        #"{"version": 1, "tunings": [{"processor": "a", "instruction_set": "b", "choices": \#(choices)}]}"#
      guard case .failure(.modelFile("TUNE", .metadata(let key, _))) = read(text) else { return nil }
      return key
    }
    #expect(fault(#"[{"layer": "conv", "kernel": "anything"}]"#) == nil)
    #expect(fault(#"[{"layer": "fc", "kernel": "x"}]"#) == "layer", "a classifier has no such choice")
    #expect(fault(#"[{"layer": "no such", "kernel": "x"}]"#) == "layer")
    #expect(fault(#"[{"layer": 1, "kernel": "x"}]"#) == "layer")
    #expect(fault(#"[{"layer": "conv"}]"#) == "kernel")
    let long = String(repeating: "x", count: 600)
    #expect(fault(#"[{"layer": "conv", "kernel": "\#(long)"}]"#) == "kernel")
    let one = #"{"layer": "conv", "kernel": "x"}"#
    #expect(fault("[\(one), \(one)]") == "choices", "more choices than convolutions")
    #expect(fault("[" + [String](repeating: one, count: 100_000).joined(separator: ",") + "]") == "choices")
  }

  @Test func aMachineComesOnce() {
    let one = #"{"processor": "a", "instruction_set": "b", "choices": []}"#
    guard
      case .failure(.modelFile("TUNE", .metadata("tunings", _))) = read(
        #"{"version": 1, "tunings": [\#(one), \#(one)]}"#)
    else {
      Issue.record("two tunings of one machine were taken")
      return
    }
  }

  @Test func notJSONIsRefused() {
    for text in ["", "{", "[" + String(repeating: "[", count: 100_000), "\u{0}"] {
      guard case .failure(.modelFile("TUNE", _)) = read(text) else {
        Issue.record("\(text.prefix(20)) was taken")
        return
      }
    }
  }
}
