import FixresIR

/// Operations that operator set 17 writes with several operators.
extension OnnxExporter {
  /// Adds a node whose result has a name of its own; returns the name.
  private mutating func part(_ op: String, _ inputs: [String], of output: String, _ name: String) -> String {
    let result = names.unique(output + "." + name)
    emit(op, inputs, result)
    return result
  }

  /// `scale * x + offset`.
  mutating func affine(_ input: String, _ output: String, scale: Float, offset: Float) {
    let product = part("Mul", [input, scalar(scale, output + ".scale")], of: output, "product")
    emit("Add", [product, scalar(offset, output + ".offset")], output)
  }

  /// `x * sigmoid(x)`.
  mutating func silu(_ input: String, _ output: String) {
    emit("Mul", [input, part("Sigmoid", [input], of: output, "sigmoid")], output)
  }

  /// `x * tanh(softplus(x))`.
  mutating func mish(_ input: String, _ output: String) {
    let softplus = part("Softplus", [input], of: output, "softplus")
    emit("Mul", [input, part("Tanh", [softplus], of: output, "tanh")], output)
  }

  /// `0.5 * x * (1 + f(x))`, as PyTorch's exporter writes it.
  mutating func gelu(_ form: Gelu.Form, _ input: String, _ output: String) {
    let bounded: String
    switch form {
    case .erf:
      let scaled = part(
        "Mul", [input, scalar(Float(Gelu.rootOfHalf), output + ".factor")], of: output, "scaled")
      bounded = part("Erf", [scaled], of: output, "erf")
    case .tanh:
      let square = part("Mul", [input, input], of: output, "square")
      let cube = part("Mul", [input, square], of: output, "cube")
      let small = part("Mul", [cube, scalar(Float(Gelu.cubic), output + ".cubic")], of: output, "small")
      let sum = part("Add", [input, small], of: output, "sum")
      let factor = scalar(Float(Gelu.rootOfTwoOverPi), output + ".factor")
      bounded = part("Tanh", [part("Mul", [sum, factor], of: output, "scaled")], of: output, "tanh")
    }
    let share = part("Add", [bounded, scalar(1, output + ".one")], of: output, "share")
    let product = part("Mul", [input, share], of: output, "twice")
    emit("Mul", [product, scalar(0.5, output + ".half")], output)
  }

  /// `mean(max(x, epsilon)^p)^(1/p)`.
  mutating func generalizedMean(_ op: GeneralizedMeanPool, _ input: String, _ output: String) {
    let clipped = part(
      "Clip", [input, scalar(Float(op.epsilon), output + ".epsilon")], of: output, "clipped")
    let power = part("Pow", [clipped, scalar(Float(op.exponent), output + ".exponent")], of: output, "power")
    let mean = part("GlobalAveragePool", [power], of: output, "mean")
    emit("Pow", [mean, scalar(Float(1 / op.exponent), output + ".root")], output)
  }
}
