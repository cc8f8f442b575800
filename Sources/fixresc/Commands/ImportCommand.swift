import FixresBase
import FixresIR
import FixresMethod

extension Command {
  static let `import` = Command(
    "import", "read any supported checkpoint into a model file",
    example: "fixresc import resnet50.pth -o resnet50.bin",
    details:
      "Reads PyTorch files (zip and legacy), safetensors (single and sharded) and ONNX. Of a checkpoint the "
      + "architecture is inferred from the weights. The graph stays unfused, with its batch norms, for `adapt`.",
    arguments: [
      Argument(
        "CHECKPOINT", .one, kind: .file(.model),
        "what torch.save, safetensors or an ONNX exporter wrote, or a model file to change")
    ],
    groups: [OptionGroup("Options", [Shared.output]), Shared.model],
    worksInPlace: true,
    run: { invocation in
      let result = try ModelSource.open(invocation.arguments[0], invocation)
      let path = invocation.text(Shared.output) ?? ""
      try naming(path) { try ModelFile.write(result.model, to: path) }
      printImport(result, path, invocation.console)
      var object = JSON.Object()
      object["architecture"] = .string(result.architecture)
      object["assumed"] = JSON(result.assumed)
      object["facts"] = .array(result.model.metadata.facts.map(\.json))
      object["wrapper"] = result.wrapper.map { .string($0) } ?? .null
      object["parameters"] = JSON(result.parameters)
      object["ignored"] = JSON(result.ignored)
      object["verified"] = result.model.metadata.verified.map(\.json) ?? .null
      return object
    })

  private static func printImport(_ result: ImportedModel, _ path: String, _ console: Console) {
    var table = Table([.left, .left])
    table.add(["architecture", result.architecture])
    table.add([
      "source", result.model.metadata.source + (result.wrapper.map { ", weights under \($0)" } ?? ""),
    ])
    table.add(["parameters", Text.grouped(result.parameters)])
    table.add(["classes", ModelSummary.classes(result.model)])
    table.add(["trained at", result.model.metadata.trainResolution.map { "\($0)" } ?? "unknown"])
    for row in ModelSummary.factRows(result.model.metadata) { table.add(row) }
    if let verified = result.model.metadata.verified {
      table.add(["verified", ReferenceCheck.sentence(verified)])
    }
    let counters = result.ignored.count { $0.hasSuffix("num_batches_tracked") }
    let others = result.ignored.filter { !$0.hasSuffix("num_batches_tracked") }
    if counters > 0 { table.add(["ignored", Text.count(counters, "counter") + " (num_batches_tracked)"]) }
    if !others.isEmpty { table.add([counters > 0 ? "" : "ignored", Text.listed(others, or: "")]) }
    table.add(["wrote", "\(path), \(Text.bytes(result.model.constants.byteCount)) of constants"])
    console.lines(table.lines())
  }
}
