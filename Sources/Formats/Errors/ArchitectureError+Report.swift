import FixresBase

extension ArchitectureError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .notAResNet, .missingTensor, .misshapenTensor, .unexpectedTensor: return shown
    case .duplicateTensor(let name, let other):
      return ErrorReport(
        "architecture.duplicate-tensor",
        "expected each parameter once, found \(Text.shortened(name)) and \(Text.shortened(other)) for one",
        ["tensor": .string(name), "other": .string(other)])
    case .unsupported(let feature, let evidence):
      return ErrorReport(
        "architecture.unsupported", "\(feature) is not supported (found \(Text.shortened(evidence)))",
        ["feature": .string(feature), "evidence": .string(evidence)])
    case .mismatch(let what, let requested, let found, let source):
      return ErrorReport(
        "architecture.mismatch", "\(what): \(source) says \(requested), the weights say \(found)",
        ["what": .string(what), "requested": .string(requested), "found": .string(found)])
    case .unknownArchitecture(let name, let known):
      return ErrorReport(
        "architecture.unknown",
        "expected an architecture such as \(known.joined(separator: ", ")), found `\(Text.shortened(name))`",
        ["name": .string(name), "known": JSON(known)])
    case .invalidConfiguration(let path, let key, let expected, let found):
      return ErrorReport(
        "architecture.configuration", "\(path): \(key): expected \(expected), found \(Text.shortened(found))",
        ["path": .string(path), "key": .string(key), "expected": .string(expected), "found": .string(found)])
    case .invalidOption(let name, let expected, let found):
      return ErrorReport(
        "architecture.option", "\(name): expected \(expected), found \(Text.shortened(found))",
        ["option": .string(name), "expected": .string(expected), "found": .string(found)])
    case .unknownFact, .invalidFact: return fact
    case .notFinite, .negativeVariance, .labelCount, .nothingToOverlay: return values
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  /// Errors about what the tensors show, with the option that would help.
  private var shown: ErrorReport {
    switch self {
    case .notAResNet(let found, let count):
      var report = ErrorReport(
        "architecture.not-a-resnet",
        "expected the weights of a ResNet (stages of residual blocks, each with two or three convolutions and "
          + "their batch norms), found \(Text.count(count, "tensor")): \(Text.listed(found, or: "none"))",
        ["found": JSON(found), "tensors": JSON(count)])
      report.hint = "If they lie elsewhere in the file, say where with --key PATH."
      return report
    case .missingTensor(let name, let expected):
      return ErrorReport(
        "architecture.missing-tensor", "expected a tensor \(name) of shape \(expected), found none",
        ["tensor": .string(name), "expected": .string("\(expected)")])
    case .misshapenTensor(let name, let expected, let found):
      return ErrorReport(
        "architecture.misshapen-tensor",
        "tensor \(Text.shortened(name)): expected the shape \(expected), found \(Text.shortened("\(found)"))",
        ["tensor": .string(name), "expected": .string("\(expected)"), "found": JSON(found)])
    case .unexpectedTensor(let name, let found, let ignore):
      var report = ErrorReport(
        "architecture.unexpected-tensor",
        "expected only tensors of a supported ResNet, found \(Text.shortened(name)) of shape \(found), which "
          + "nothing in the network uses",
        ["tensor": .string(name), "found": JSON(found), "ignore": JSON(ignore)])
      let options = ignore.prefix(8).map { "--ignore '\($0)'" }.joined(separator: " ")
      report.hint =
        "If the predictions depend on \(ignore.count > 1 ? "none of these" : "it in no way"), leave "
        + "\(ignore.count > 1 ? "them" : "it") out with \(options)\(ignore.count > 8 ? " ..." : ""); else fixresc "
        + "cannot compile this network."
      return report
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }

  /// A fact that no network has, or a value that it cannot have: a usage error.
  private var fact: ErrorReport {
    var report: ErrorReport
    let suggestion: String?
    switch self {
    case .unknownFact(let name, let known):
      suggestion = Suggestion.nearest(to: name, among: known)
      report = ErrorReport(
        "usage.unknown-fact",
        "--network: expected FACT=VALUE with one of the facts \(known.joined(separator: ", ")), found "
          + "`\(Text.shortened(name))`", ["fact": .string(name), "known": JSON(known)])
    case .invalidFact(let name, let value, let forms):
      suggestion = Suggestion.nearest(to: value, among: forms)
      report = ErrorReport(
        "usage.bad-fact",
        "--network \(name): expected \(forms.joined(separator: ", ")), found `\(Text.shortened(value))`",
        ["fact": .string(name), "value": .string(value), "forms": JSON(forms)])
    default: return .reportedElsewhere  // the other cases have their sentences elsewhere
    }
    if let suggestion {
      report.message += "; did you mean `\(suggestion)`?"
      report.data["suggestion"] = .string(suggestion)
    }
    return report
  }

  /// Errors of values and of the files beside the weights.
  private var values: ErrorReport {
    switch self {
    case .notFinite(let name, let index, let value):
      ErrorReport(
        "architecture.not-finite",
        "tensor \(name): expected finite numbers, found \(value) at element \(index)",
        ["tensor": .string(name), "index": JSON(index), "value": .string(value)])
    case .negativeVariance(let name, let index, let value):
      ErrorReport(
        "architecture.negative-variance",
        "tensor \(name): expected variances of 0 or more, found \(value) at element \(index)",
        ["tensor": .string(name), "index": JSON(index), "value": JSON(value)])
    case .labelCount(let path, let expected, let found):
      ErrorReport(
        "architecture.label-count", "\(path): expected \(expected) labels, one a line, found \(found)",
        ["path": .string(path), "expected": JSON(expected), "found": JSON(found)])
    case .nothingToOverlay(let path, let found):
      ErrorReport(
        "architecture.nothing-to-overlay",
        "\(path): expected batch norms or a classifier to lay over the model, found \(Text.listed(found, or: "no tensors"))",
        ["path": .string(path), "found": JSON(found)])
    default: .reportedElsewhere  // the other cases have their sentences above
    }
  }
}
