import FixresBase

extension SafeTensorsExporter.Refusal: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .format(let error): return error.report
    case .folded(let convolutions):
      var report = ErrorReport(
        "export.folded",
        "expected batch norms as they were trained, found \(Text.count(convolutions, "convolution")) that "
          + "theirs were folded or fused into: PyTorch's modules have no place for them",
        ["convolutions": JSON(convolutions)])
      report.hint = "Export the model as it was imported or retargeted, or choose --format onnx."
      return report
    case .names(let error):
      var report = error.report
      report.message = "the weights are not those of a module of torchvision or timm: " + report.message
      report.hint = "--format onnx keeps any names."
      return report
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
