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
    let tensors = model.graph.constants.map { model.graph[$0] }
    do {
      let shapes = try WeightShapes(tensors.map { ($0.name, $0.type.dims) })
      _ = try ArchitectureInference.infer(shapes, hints: ArchitectureHints())
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

  private static func write(_ model: Model, _ tensors: [Value], _ path: String) throws(FileError) -> Int {
    var header = JSON.Object()
    // transformers and timm require this entry.
    header["__metadata__"] = ["format": "pt"]
    var offset = 0
    for tensor in tensors {
      let byteCount = tensor.type.elementCount * 4
      header[tensor.name] = [
        "dtype": "F32", "shape": JSON(tensor.type.dims), "data_offsets": JSON([offset, offset + byteCount]),
      ]
      offset += byteCount
    }
    var text = Array(JSON.object(header).serialized().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    var file = try AtomicFileWriter(path: path)
    try file.write(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) })
    try file.write(text)
    for tensor in tensors {
      if let data = model.constants[tensor.name] { try file.write(data.bytes) }
    }
    let byteCount = file.byteCount
    try file.commit()
    return byteCount
  }
}
