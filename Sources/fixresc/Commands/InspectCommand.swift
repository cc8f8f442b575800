import FixresBase
import FixresIR
import FixresRuntime

extension Command {
  private static let ir = Option("--ir", "print the graph's text")
  private static let plan = Option(
    "--plan", "print the execution plan: steps with their kernels, and buffers")
  private static let asm = Option(
    "--asm", "LAYER", kind: .text, "print the machine code that computes a layer, named as in --plan")

  static let inspect = Command(
    "inspect", "show what is in a model: layers, shapes, parameters, MACs, metadata, history",
    example: "fixresc inspect resnet50-384.bin",
    arguments: [Shared.modelArgument],
    groups: [OptionGroup("Options", [ir, plan, asm]), Shared.model, Shared.engine],
    run: { invocation in
      let source = try ModelSource.open(invocation.arguments[0], invocation)
      let model = source.model
      let console = invocation.console
      var texts: [(key: String, text: String)] = []
      if invocation.has(ir) { texts.append(("ir", GraphPrinter.text(of: model.graph))) }
      if invocation.has(plan) {
        texts.append(("plan", try ModelSource.session(model, invocation).plan.text))
      }
      if let layer = invocation.text(asm) {
        guard let text = try ModelSource.session(model, invocation).plan.assembly(ofLayer: layer) else {
          throw RuntimeError.unknownValue(layer)
        }
        texts.append(("asm", text))
      }
      // Only now: beside a plan they would take more memory than the plan does.
      let summary = ModelSummary(model.graph)
      var result = inspectionObject(model, summary)
      for (key, text) in texts { result[key] = .string(text) }
      if texts.isEmpty { printInspection(model, summary, console) }
      if !console.isJSON { for (_, text) in texts { console.write(text) } }
      return result
    })

  private static func inspectionObject(_ model: Model, _ summary: ModelSummary) -> JSON.Object {
    var metadata = model.metadata.json(testResolution: model.graph.resolution).objectValue ?? JSON.Object()
    metadata["history"] = nil
    var result = JSON.Object()
    result["architecture"] = .string(model.metadata.architecture)
    result["facts"] = .array(model.metadata.facts.map(\.json))
    result["assumed"] = JSON(model.metadata.assumptions)
    result["parameters"] = JSON(summary.parameters)
    result["macs"] = JSON(model.graph.multiplyAccumulates)
    result["input"] = .string(model.graph.imageInput.map { "\($0.type)" } ?? "")
    result["metadata"] = .object(metadata)
    result["verified"] = model.metadata.verified.map(\.json) ?? .null
    result["history"] = .array(model.metadata.history.map(\.json))
    result["tuning"] = .array(
      tuningUses(model).map { tuning, use in
        [
          "processor": .string(tuning.processor), "instruction_set": .string(tuning.instructionSet),
          "layers": JSON(tuning.choices.count), "used": JSON(use == nil),
          "reason": use.map(JSON.string) ?? .null,
        ]
      })
    result["packed"] = [
      "tensors": JSON(model.packedConstants.count),
      "bytes": JSON(model.packedConstants.reduce(0) { $0 + $1.byteCount }),
    ]
    result["layers"] = .array(
      summary.layers.map { layer in
        [
          "name": .string(layer.name), "operation": .string(layer.operation),
          "details": .string(layer.details),
          "shape": JSON(layer.type.dims), "parameters": JSON(layer.parameters), "macs": JSON(layer.macs),
        ]
      })
    return result
  }

  private static func printInspection(_ model: Model, _ summary: ModelSummary, _ console: Console) {
    let metadata = model.metadata
    let rule = metadata.preprocessing
    var head = Table([.left, .left])
    head.add(["architecture", metadata.architecture])
    if !metadata.source.isEmpty { head.add(["source", metadata.source]) }
    head.add(["input", model.graph.imageInput.map { "\($0.type)" } ?? ""])
    head.add(["trained at", metadata.trainResolution.map { "\($0)" } ?? "unknown"])
    head.add([
      "classes",
      ModelSummary.classes(model) + (model.classCount > 0 && metadata.labels.isEmpty ? ", unnamed" : ""),
    ])
    head.add(["parameters", Text.grouped(summary.parameters)])
    head.add(["MACs", Text.grouped(model.graph.multiplyAccumulates)])
    head.add(["resize", resizeSentence(rule, model.graph.resolution)])
    head.add(["mean, std", "\(floats(rule.mean)), \(floats(rule.standardDeviation))"])
    for row in ModelSummary.factRows(metadata) { head.add(row) }
    if let verified = metadata.verified { head.add(["verified", ReferenceCheck.sentence(verified)]) }
    for (index, entry) in metadata.history.enumerated() {
      let parameters = entry.parameters.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
      head.add([index == 0 ? "history" : "", entry.action + (parameters.isEmpty ? "" : ": " + parameters)])
    }
    for (index, (tuning, unusedBecause)) in tuningUses(model).enumerated() {
      let use = unusedBecause.map { "not used here: \($0)" } ?? "used here"
      head.add([
        index == 0 ? "tuned" : "",
        "\(Text.count(tuning.choices.count, "layer")) for \(tuning.instructionSet) on \(tuning.processor); \(use)",
      ])
    }
    if !model.packedConstants.isEmpty {
      let byteCount = model.packedConstants.reduce(0) { $0 + $1.byteCount }
      let tensors = Text.count(model.packedConstants.count, "tensor")
      head.add(["packed", "\(tensors), \(Text.bytes(byteCount)); --plan says how much is used here"])
    }
    console.lines(head.lines())
    console.line()
    var table = Table(
      [.left, .left, .left, .right, .right, .left],
      header: ["layer", "operation", "shape", "parameters", "MACs", ""])
    for layer in summary.layers {
      table.add([
        layer.name, layer.operation, layer.type.dims.map(String.init).joined(separator: "x"),
        layer.parameters == 0 ? "" : Text.grouped(layer.parameters),
        layer.macs == 0 ? "" : Text.grouped(layer.macs),
        layer.details,
      ])
    }
    console.lines(table.lines())
  }

  /// Each tuning of `model`, and why it is not used here, nil where it is.
  private static func tuningUses(_ model: Model) -> [(Tuning, String?)] {
    let backend = try? InstructionSet.choose().backend
    return model.tunings.map { tuning in
      guard let backend else { return (tuning, "no kernels run") }
      if tuning.holds(for: backend) { return (tuning, nil) }
      if backend.processor.isEmpty || tuning.instructionSet != backend.name {
        return (tuning, "\(backend.name) kernels run")
      }
      return (tuning, "this CPU is \(backend.processor)")
    }
  }

  private static func resizeSentence(_ rule: Preprocessing, _ size: Extent) -> String {
    let squashes = rule.squashFrom.map { min(size.height, size.width) >= $0 } ?? false
    let side = rule.resizeSides(for: size)
    let target =
      switch rule.resizeRule {
      case _ where squashes: "both sides to \(size)"
      case .shorterSide: "shorter side to \(side)"
      case .height: "height to \(side)"
      case .squash: "both sides to \(side)"
      case .longerSide: "longer side to \(side)"
      case .unscaled: "none"
      case .exact: "none, pictures have the input's size"
      }
    return "\(target) (\(rule.interpolation.rawValue)), centre crop \(size)"
  }

  private static func floats(_ values: [Float]) -> String {
    values.map(\.description).joined(separator: " ")
  }
}
