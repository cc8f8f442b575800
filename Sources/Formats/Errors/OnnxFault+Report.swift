import FixresBase

extension OnnxFault {
  /// The fault's kind, sentence and figures, without the path of its file.
  package var report: ErrorReport {
    var data = JSON.Object()
    let location: String
    switch place {
    case .graph: location = ""
    case .node(let name, let op):
      location = "node \(Text.shortened(name)) (\(Text.shortened(op))): "
      data["node"] = .string(name)
      data["operator"] = .string(op)
    case .tensor(let name):
      location = "tensor \(Text.shortened(name)): "
      data["tensor"] = .string(name)
    case .input(let name):
      location = "input \(Text.shortened(name)): "
      data["input"] = .string(name)
    }
    var report = ErrorReport(
      "checkpoint.onnx",
      "\(location)expected \(Text.shortened(expected)), found \(Text.shortened(found, limit: 200))",
      .object(data))
    report.hint = hint
    return report
  }
}
