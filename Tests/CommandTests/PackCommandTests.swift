import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// `adapt --pack`, and what becomes of packed weights afterwards.
@Suite struct PackCommandTests {
  private let folder: TemporaryFolder
  private let input: String
  private let plain: String
  private let packed: String
  /// Whether the kernels that run here pack weights; portable ones do not.
  private static let isNative = (try? InstructionSet.choose()).map { !$0.backend.processor.isEmpty } ?? false

  init() throws {
    folder = try TemporaryFolder()
    input = folder.path + "/in.bin"
    plain = folder.path + "/plain.bin"
    packed = folder.path + "/packed.bin"
    try ModelFile.write(try SmallModel.residual(), to: input)
  }

  @Test func packingChangesNoResult() throws {
    #expect(Call("adapt", input, "-o", plain).status == 0)
    let call = Call("adapt", input, "-o", packed, "--pack", "--verify", "--json")
    #expect(call.status == 0, "\(call.error)")
    let (a, b) = (try ModelFile.open(plain), try ModelFile.open(packed))
    #expect(a.packedConstants.isEmpty && a.graph == b.graph && a.constants == b.constants)
    guard Self.isNative else {
      #expect(call.json["packed"] == .null && call.error.contains("nothing to pack"))
      return
    }
    #expect(call.json["packed"]?["tensors"] == JSON(b.packedConstants.count))
    #expect(call.json["packed"]?["bytes"]?.integerValue == b.packedConstants.reduce(0) { $0 + $1.byteCount })
    #expect(b.metadata.history.last?.action == "pack")
    let session = try Session(contentsOf: packed)
    #expect(session.plan.weights.all.allSatisfy { $0.ownByteCount == 0 } && session.plan.mappedByteCount > 0)
    let pixels = [Float](repeating: 0.25, count: a.graph.imageInput?.type.elementCount ?? 0)
    #expect(try Session(model: a).run(pixels) == session.run(pixels))
    #expect(Call("inspect", packed, "--json").json["packed"]?["tensors"] == JSON(b.packedConstants.count))
    #expect(Call("inspect", packed, "--plan").output.contains("mapped from the model's file"))
    #expect(Call("inspect", packed).output.contains("packed"))
    #expect(!Call("inspect", plain).output.contains("packed"))
  }

  @Test(.enabled(if: isNative, "this processor runs no emitted kernels, which pack weights"))
  func aChangedGraphLosesItsPackedWeights() throws {
    #expect(Call("adapt", input, "-o", packed, "--pack").status == 0)
    let model = try ModelFile.open(packed)
    let output = folder.path + "/again.bin"
    #expect(Call("adapt", packed, "-o", output).status == 0)
    #expect(try ModelFile.open(output).packedConstants == model.packedConstants, "nothing changed")
    #expect(Call("adapt", packed, "--to", "48", "-o", output).status == 0)
    #expect(try ModelFile.open(output).packedConstants.isEmpty)
    #expect(Call("adapt", packed, "--to", "48", "-o", output, "--pack").status == 0)
    let weights = try Session(contentsOf: output).plan.weights.all
    #expect(!weights.isEmpty && weights.allSatisfy { $0.ownByteCount == 0 })
  }

  @Test(.enabled(if: isNative, "this processor runs no emitted kernels, which pack weights"))
  func droppingPackedWeightsIsSaid() throws {
    #expect(Call("adapt", input, "-o", packed, "--pack").status == 0)
    let output = folder.path + "/again.bin"
    let kept = Call("adapt", packed, "-o", output)
    #expect(kept.status == 0 && !kept.error.contains("dropped"))
    let moved = Call("adapt", packed, "--to", "48", "-o", output)
    #expect(moved.status == 0 && moved.error.contains("note: dropped"))
    #expect(!Call("adapt", packed, "--to", "48", "-o", output, "--pack").error.contains("dropped"))
  }

  /// A constant that a method replaced: its packed form goes, those of the others stay, and `--verify` finds the model
  /// that was written.
  @Test(.enabled(if: isNative, "this processor runs no emitted kernels, which pack weights"))
  func replacedConstantsLeaveTheOthersPacked() throws {
    let pictures = try PictureFolder(classes: 2, perClass: 3)
    #expect(
      Call("adapt", input, "-o", packed, "--pack", "--passes", "canonicalize", "--no-proof").status == 0)
    let output = folder.path + "/again.bin"
    let call = Call(
      "adapt", packed, "-o", output, "--passes", "canonicalize", "--no-proof", "--verify", "--equalize",
      pictures.folder.path, "--equalize-linear")
    #expect(call.status == 0, "\(call.error)")
    let (before, after) = (try ModelFile.open(packed), try ModelFile.open(output))
    #expect(after.packedConstants.count == before.packedConstants.count - 1)
    #expect(call.error.contains("note: dropped 1 packed tensor of the input"))
  }

  /// A file whose packed weights are another network's: commands that show, write or compare what the constants say
  /// refuse it and name the constant.
  @Test(.enabled(if: isNative, "this processor runs no emitted kernels, which pack weights"))
  func foreignPackedWeightsAreRefused() throws {
    #expect(Call("adapt", input, "-o", packed, "--pack").status == 0)
    var model = try ModelFile.open(packed)
    let entry = try #require(model.packedConstants.last)
    model.packedConstants[model.packedConstants.count - 1] = PackedConstant(
      constant: entry.constant, layout: entry.layout,
      elements: Tensor(shape: entry.elements.shape, entry.elements.floats.map { -$0 }),
      source: try #require(model.constants[entry.constant]))
    try ModelFile.write(model, to: packed)
    let output = folder.path + "/never"
    for words in [
      ["inspect", packed], ["export", packed, "--format", "onnx", "-o", output], ["compare", packed, packed],
      ["adapt", packed, "-o", output], ["import", packed, "-o", output],
    ] {
      let call = Call(words + ["--json"])
      #expect(call.status == 1 && call.json["error"]?["kind"] == "runtime.packed", "\(words): \(call.error)")
      #expect(call.error.contains(entry.constant) && !folder.names.contains("never"))
    }
  }
}
