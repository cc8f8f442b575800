import FixresBase
import FixresFormats
import FixresIR

private enum Options {
  static let format = Option(
    "--format", "NAME", kind: .choice(["onnx", "safetensors"]), required: true, "onnx or safetensors")
}

extension Command {
  static let export = Command(
    "export", "write a model as ONNX or safetensors, for other runtimes and PyTorch",
    example: "fixresc export resnet50-384.bin --format onnx -o resnet50-384.onnx",
    details:
      "ONNX: operator set 17, any batch, the model's own resolution; a fused model is written as the plain "
      + "operators that it is made of. safetensors: weights under torchvision's names, for load_state_dict; only "
      + "while the batch norms are not folded.",
    arguments: [Shared.modelArgument],
    groups: [OptionGroup("Options", [Options.format, Shared.output]), Shared.model],
    run: { invocation in
      let model = try ModelSource.open(invocation.arguments[0], invocation).model
      let format = invocation.text(Options.format) ?? ""
      let path = invocation.text(Shared.output) ?? ""
      let (byteCount, tensors) =
        format == "onnx"
        ? (try naming(path) { try OnnxExporter.write(model, to: path) }, model.graph.constants.count)
        : try naming(path) { try SafeTensorsExporter.write(model, to: path) }
      invocation.console.line(
        "wrote \(path), \(Text.bytes(byteCount)), \(Text.count(tensors, "tensor"))")
      var object = JSON.Object()
      object["format"] = .string(format)
      object["bytes"] = JSON(byteCount)
      object["tensors"] = JSON(tensors)
      return object
    })
}
