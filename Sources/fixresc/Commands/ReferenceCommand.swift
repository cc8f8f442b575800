import FixresBase

extension Command {
  private static let script = Option("--script", "print the Python that makes a reference")

  static let reference = Command(
    "reference", "print the Python that makes a reference: an input, and what your program gives for it",
    example: "fixresc reference --script",
    details:
      "A reference proves an import: `fixresc import net.pth -o net.bin --reference in.npy:out.npy` compares the "
      + "outputs, and where they differ finds what the file does not say: activation, strides, epsilon and more.",
    groups: [OptionGroup("Options", [script])],
    run: { invocation in
      guard invocation.has(script) else {
        throw invocation.conflict(
          "expected --script, which prints the Python that makes a reference, found none")
      }
      invocation.console.lines(ReferenceScript.lines)
      var object = JSON.Object()
      object["script"] = .string(ReferenceScript.lines.joined(separator: "\n") + "\n")
      return object
    })
}

/// The Python that makes a reference from a PyTorch module or an ONNX model.
enum ReferenceScript {
  static let lines = [
    "# PyTorch: `model` is your nn.Module with its weights loaded; a picture's own tensor may stand in for x.",
    "import numpy, torch",
    "model = model.float().cpu().eval()",
    "x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))",
    "with torch.no_grad(): y = model(x); y = getattr(y, \"logits\", y)",
    "numpy.save(\"in.npy\", x.numpy())",
    "numpy.save(\"out.npy\", y.numpy())",
    "",
    "# ONNX Runtime: the same x, instead of the module.",
    "import onnxruntime; session = onnxruntime.InferenceSession(\"model.onnx\")",
    "numpy.save(\"out.npy\", session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])",
    "",
    "# Then: fixresc import CHECKPOINT -o model.bin --reference in.npy:out.npy",
    "# A picture does as well, with the outputs of your whole pipeline: --reference photo.jpg:out.npy",
  ]
}
