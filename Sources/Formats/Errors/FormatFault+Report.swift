import FixresBase

extension FormatFault {
  /// The fault's kind, sentence and figures.
  package var report: ErrorReport {
    var data = JSON.Object()
    data["path"] = .string(path)
    data["format"] = .string(format.rawValue)
    let location: String
    switch place {
    case .file: location = ""
    case .byte(let offset):
      location = "byte \(offset): "
      data["offset"] = JSON(offset)
    case .member(let name):
      location = "member \(Text.shortened(name)): "
      data["member"] = .string(name)
    case .tensor(let name):
      location = "tensor \(Text.shortened(name)): "
      data["tensor"] = .string(name)
    case .key(let name):
      location = "key \(Text.shortened(name)): "
      data["key"] = .string(name)
    }
    let name =
      switch format {
      case .zip: "zip"
      case .pickle: "pickle"
      case .torchLegacy: "legacy PyTorch file"
      case .safetensors: "safetensors"
      case .shardIndex: "shard index"
      case .onnx: "ONNX"
      }
    return ErrorReport(
      "checkpoint.malformed",
      "\(path): \(name), \(location)expected \(expected), found \(Text.shortened(found))",
      .object(data))
  }
}
