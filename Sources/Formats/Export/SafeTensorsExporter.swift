import FixresBase
import FixresIR

/// Writes a model's weights as safetensors with torchvision's names, for PyTorch to load.
package enum SafeTensorsExporter {
  /// Why a model's weights cannot be loaded by a module of PyTorch's libraries.
  package enum Refusal: Error, Hashable, Sendable {
    /// Batch norms are folded or fused into this many convolutions.
    case folded(convolutions: Int)
    /// The names or shapes are not those of a network that PyTorch's libraries build.
    case names(ArchitectureError)
    /// The file cannot be written.
    case format(FormatError)
  }

  /// Writes `model` to `path` through a temporary file; returns the file's size in bytes and the number of
  /// tensors.
  ///
  /// - Throws: `Refusal`; the file at `path` is then unchanged.
  package static func write(
    _ model: Model, to path: String
  ) throws(Refusal) -> (byteCount: Int, tensors: Int) {
    try requireUnfolded(model)
    let tensors = stored(model)
    do {
      let shapes = try WeightShapes(tensors.map { ($0.name, $0.data.shape) })
      _ = try ArchitectureInference.infer(shapes)
    } catch {
      throw .names(error)
    }
    do {
      return (try write(model, tensors, path), tensors.count)
    } catch {
      throw .format(.file(error))
    }
  }

  private static func requireUnfolded(_ model: Model) throws(Refusal) {
    let nodes = model.graph.nodes
    let norms = nodes.count { if case .batchNorm = $0.op { true } else { false } }
    let folded = nodes.count {
      if case .conv2d(let conv) = $0.op { conv.hasResidual || conv.activation != .none } else { false }
    }
    guard folded == 0, norms > 0 else {
      let convolutions = nodes.count { if case .conv2d = $0.op { true } else { false } }
      throw .folded(convolutions: max(folded, norms > 0 ? 0 : convolutions))
    }
  }

  /// The tensors of a file: the constants, but for those that follow from facts, and what facts keep outside the graph's
  /// constants.
  private static func stored(_ model: Model) -> [(name: String, data: Tensor)] {
    var tensors: [(name: String, data: Tensor)] = []
    for constant in model.graph.constants {
      let name = model.graph[constant].name
      guard let data = model.constants[name], !name.hasSuffix(".aa.filt"), !name.hasPrefix("input.normalize.")
      else { continue }
      tensors.append((name, data))
    }
    if let weight = model.constants["input.normalize.weight"]?.floats,
      let bias = model.constants["input.normalize.bias"]?.floats, weight.count == bias.count
    {
      tensors.append(("input.mean", Tensor(shape: [weight.count], zip(weight, bias).map { -$1 / $0 })))
      tensors.append(("input.std", Tensor(shape: [weight.count], weight.map { 1 / $0 })))
    }
    return tensors
  }

  /// The facts of the network that its names and shapes do not tell and that something states, for a later import.
  private static func statedFacts(_ metadata: ModelMetadata) -> String {
    metadata.facts.filter { fact in
      NetworkFact.Name(rawValue: fact.name) != nil && !fact.isAssumption
        && (fact.source != .weights || fact.value.hasPrefix("gem:"))
    }.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
  }

  private static func write(
    _ model: Model, _ tensors: [(name: String, data: Tensor)], _ path: String
  ) throws(FileError) -> Int {
    var header = JSON.Object()
    // transformers and timm require this entry.
    var information = JSON.Object()
    information["format"] = "pt"
    let facts = statedFacts(model.metadata)
    if !facts.isEmpty { information[StoredArguments.factsKey] = .string(facts) }
    header["__metadata__"] = .object(information)
    var offset = 0
    for tensor in tensors {
      let byteCount = tensor.data.byteCount
      header[tensor.name] = [
        "dtype": "F32", "shape": JSON(tensor.data.shape), "data_offsets": JSON([offset, offset + byteCount]),
      ]
      offset += byteCount
    }
    var text = Array(JSON.object(header).serialized().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    var file = try AtomicFileWriter(path: path)
    try file.write(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) })
    try file.write(text)
    for tensor in tensors { try file.write(tensor.data.bytes) }
    let byteCount = file.byteCount
    try file.commit()
    return byteCount
  }
}
