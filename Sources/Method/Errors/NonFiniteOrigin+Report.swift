import FixresBase

extension NonFiniteOrigin {
  /// Where numbers stop being finite, as a part of a sentence.
  package var sentence: String {
    switch self {
    case .input(let index): "the input itself holds it, at element \(index)"
    case .constant(let name, let index, let layer):
      "the tensor \(Text.shortened(name)) of \(Text.shortened(layer)) holds it, at element \(index)"
    case .layer(let name, let operation, let weights):
      "\(Text.shortened(name)) (\(operation)\(weights.map { " with " + Text.shortened($0) } ?? "")) is the first layer to give it, as its sums exceed float32"
    case .unknown: "the network gives it"
    }
  }

  /// The same as a member of a `--json` object.
  package var json: JSON {
    switch self {
    case .input(let index): ["kind": "input", "index": JSON(index)]
    case .constant(let name, let index, let layer):
      ["kind": "tensor", "name": .string(name), "index": JSON(index), "layer": .string(layer)]
    case .layer(let name, let operation, let weights):
      [
        "kind": "layer", "name": .string(name), "operation": .string(operation),
        "weights": weights.map { .string($0) } ?? .null,
      ]
    case .unknown: ["kind": "unknown"]
    }
  }
}
