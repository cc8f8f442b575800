import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct FineTunedOverlayTests {
  let folder: TemporaryFolder
  let base: NamedTensors

  init() throws {
    folder = try TemporaryFolder()
    base = try NamedTensors(fixture: "torchvision-basic")
  }

  private func lay(_ second: NamedTensors) throws -> ImportResult {
    var options = ImportOptions()
    options.finetuned = try folder.write(second.safetensors, "second.safetensors")
    return try Importer.load(
      path: try folder.write(base.safetensors, "model.safetensors"), options: options)
  }

  private static func isAdapted(_ name: String) -> Bool {
    name.hasPrefix("fc.") || name.hasPrefix("bn1.") || name.contains(".bn") || name.contains("downsample.1.")
  }

  /// Constants of the result against `second` where `isTaken`, else against the base.
  private func expect(_ result: ImportResult, from second: NamedTensors, where isTaken: (String) -> Bool) {
    for tensor in base.tensors {
      let expected = isTaken(tensor.name) ? second[tensor.name] : tensor.values
      #expect(result.model.constants[tensor.name]?.floats == expected, "\(tensor.name)")
    }
  }

  @Test func aWholeFileGivesItsBatchNormsAndClassifierOnly() throws {
    let second = base.mapped { name, value in name.hasSuffix("running_var") ? value + 1 : value * 1.5 + 0.25 }
    let result = try lay(second)
    expect(result, from: second, where: Self.isAdapted)
    #expect(result.notes.contains { $0.contains("differ from the model's and were not taken") })
    let entry = try #require(result.model.metadata.history.last)
    #expect(entry.action == "finetuned")
    #expect(entry.parameters.contains { $0.name == "classifier" && $0.value == "fc.weight, fc.bias" })
    #expect(!entry.parameters.contains { $0.value.contains("/") })
  }

  @Test(arguments: ["fc.", "layer4.0.bn2.", "layer4.0.bn2.running_mean", "fc.bias", "layer2.0.downsample.1."])
  func aPartGivesThatPart(_ prefix: String) throws {
    let changed = base.mapped { name, value in name.hasSuffix("running_var") ? value + 1 : value - 0.5 }
    let part = changed.filter { $0.hasPrefix(prefix) }
    #expect(!part.tensors.isEmpty)
    expect(try lay(part), from: changed) { $0.hasPrefix(prefix) }
  }

  @Test func anyNamingWillDo() throws {
    let changed = base.mapped { name, value in name.hasSuffix("running_var") ? value + 1 : value - 0.5 }
    let part = changed.filter { $0.hasPrefix("fc.") || $0.hasPrefix("layer3.0.bn1.") }.renamed { name in
      name.hasPrefix("fc.")
        ? "classifier.1." + name.dropFirst(3)
        : "resnet.encoder.stages.2.layers.0.layer.0.normalization." + name.dropFirst("layer3.0.bn1.".count)
    }
    expect(try lay(part), from: changed) { $0.hasPrefix("fc.") || $0.hasPrefix("layer3.0.bn1.") }
  }

  @Test("row 9: misfits are refused by name") func misfitsAreRefusedByName() throws {
    func refused(_ name: String, _ shape: [Int]) throws -> ArchitectureError? {
      let count = shape.reduce(1, *)
      let part = NamedTensors([(name, shape, [Float](repeating: 0.5, count: count))])
      return architectureError { _ = try lay(part) }
    }
    #expect(
      try refused("fc.weight", [7, 48])
        == .misshapenTensor(name: "fc.weight", expected: ShapePattern([10, 48]), found: [7, 48]))
    #expect(
      try refused("bn1.bias", [7])
        == .misshapenTensor(name: "bn1.bias", expected: ShapePattern([6]), found: [7]))
    #expect(
      unexplained(try refused("layer9.0.bn1.bias", [6])) == "layer9.0.bn1.bias [6]")
    #expect(try refused("classifier.weight.weight", [6]) != nil)
    #expect(try refused("conv1.weight", [6, 3, 3, 3]) != nil)
  }

  @Test func aFileOfConvolutionsAloneHasNothingToLay() throws {
    let error = architectureError { _ = try lay(base.filter { $0.hasSuffix("conv1.weight") }) }
    guard case .nothingToOverlay = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("row 14: broken numbers are refused") func brokenNumbersAreRefused() throws {
    var part = base.filter { $0.hasPrefix("layer1.0.bn1.") }
    part["layer1.0.bn1.running_var"][0] = -1
    #expect(architectureError { _ = try lay(part) } != nil)
    var head = base.filter { $0.hasPrefix("fc.") }
    head["fc.bias"][2] = .nan
    #expect(
      architectureError { _ = try lay(head) } == .notFinite(name: "fc.bias", index: 2, value: "NaN"))
  }
}
