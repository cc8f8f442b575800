import FixresBase
import FixresIR

extension PassError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .unknownPass(let name, let known):
      return ErrorReport(
        "pass.unknown",
        "expected a pass such as \(known.joined(separator: ", ")), found `\(Text.shortened(name))`"
          + (Suggestion.nearest(to: name, among: known).map { "; did you mean `\($0)`?" } ?? ""),
        ["name": .string(name), "known": JSON(known)])
    case .repeatedPass(let name):
      return ErrorReport(
        "pass.repeated", "--passes: expected each pass once, found \(name) twice", ["name": .string(name)])
    case .order(let earlier, let later, let reason):
      return ErrorReport(
        "pass.order", "--passes: expected \(earlier) before \(later), found it after: \(reason)",
        ["earlier": .string(earlier), "later": .string(later), "reason": .string(reason)])
    case .resolutionWithoutRetarget(let requested):
      return ErrorReport(
        "pass.resolution-without-retarget",
        "--to \(requested): expected retarget-resolution among the passes, found a list without it",
        ["requested": requested.json])
    case .resolution(let requested, let maximum):
      return ErrorReport(
        "pass.resolution", "expected a test resolution with sides from 1 to \(maximum), found \(requested)",
        ["requested": requested.json, "maximum": JSON(maximum)])
    case .headTiedToMap, .poolTiedToMap, .headReadsPart, .kernelLargerThanInput, .layerDoesNotFit:
      return retargeting
    case .variance, .nonFiniteParameter, .foldedToNonFinite, .batchNormFolded, .outOfMemory, .broken:
      return parameters
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  /// Errors of layers that another size does not suit.
  private var retargeting: ErrorReport {
    switch self {
    case .headTiedToMap(let layer, let requested, let map, let newMap, let features, let newFeatures):
      return ErrorReport(
        "pass.head-tied-to-map",
        "the classifier \(layer) reads a flattened map: expected \(features) features of a map of \(map), "
          + "found \(newFeatures) of a map of \(newMap) at the resolution \(requested)",
        [
          "layer": .string(layer), "requested": requested.json, "expected": JSON(features),
          "found": JSON(newFeatures),
        ])
    case .poolTiedToMap(let layer, let map, let newMap, let requested):
      return ErrorReport(
        "pass.pool-tied-to-map",
        "\(layer): expected a pool that is read as a global one, as it covers its whole map of \(map) here and "
          + "would not cover the one of \(newMap) at the resolution \(requested); found it read otherwise; "
          + "export the network at \(requested), or with a global pool",
        ["layer": .string(layer), "map": map.json, "new_map": newMap.json, "requested": requested.json])
    case .headReadsPart(let layer, let map, let requested):
      return ErrorReport(
        "pass.head-reads-part",
        "\(layer): expected a head that reads its whole map of \(map) at the resolution \(requested), "
          + "found a fixed kernel that reads only a part of it",
        ["layer": .string(layer), "map": map.json, "requested": requested.json])
    case .kernelLargerThanInput(let layer, let kernel, let padded, let requested):
      return ErrorReport(
        "pass.kernel-larger-than-input",
        "\(layer): expected a kernel that fits its padded input of \(padded.height)x\(padded.width) "
          + "at the resolution \(requested), found \(kernel.height)x\(kernel.width)",
        [
          "layer": .string(layer), "kernel": kernel.json, "padded_input": padded.json,
          "requested": requested.json,
        ])
    case .layerDoesNotFit(let layer, let fault, let requested):
      return ErrorReport(
        "pass.layer-does-not-fit", "\(layer) at the resolution \(requested): \(fault.sentence)",
        ["layer": .string(layer), "requested": requested.json])
    default: return .reportedElsewhere  // the other cases have their sentences elsewhere
    }
  }

  /// Errors of parameters and of the graph itself.
  private var parameters: ErrorReport {
    switch self {
    case .variance(let tensor, let channel, let value, let epsilon):
      return ErrorReport(
        "pass.variance",
        "tensor \(tensor), channel \(channel): expected a variance that is positive with epsilon \(epsilon) added, "
          + "found \(value)",
        ["tensor": .string(tensor), "channel": JSON(channel), "value": JSON(value), "epsilon": JSON(epsilon)])
    case .nonFiniteParameter(let tensor, let layer, let count):
      return ErrorReport(
        "pass.non-finite-parameter",
        "tensor \(tensor) of \(layer): expected finite numbers, found \(Text.count(count, "other"))",
        ["tensor": .string(tensor), "layer": .string(layer), "count": JSON(count)])
    case .foldedToNonFinite(let tensor, let layer, let count, let sourceIsFinite):
      let cause =
        sourceIsFinite ? "beyond the range of float32" : "that come from weights which are not finite"
      return ErrorReport(
        "pass.folded-to-non-finite",
        "tensor \(tensor): expected finite values after folding \(layer) into it, found \(count) \(cause)",
        ["tensor": .string(tensor), "layer": .string(layer), "count": JSON(count)])
    case .batchNormFolded(let convolutions):
      return ErrorReport(
        "pass.batch-norm-folded",
        "expected a model with its batch norms, found one where they are folded into \(convolutions) convolutions",
        ["convolutions": JSON(convolutions)])
    case .outOfMemory(let count):
      return ErrorReport("pass.memory", "\(Text.bytes(count)) of memory were refused", ["bytes": JSON(count)])
    case .broken(let pass, let error):
      var report = error.report
      report.message = "the pass \(pass) broke the graph, a fault of fixresc: " + report.message
      report.data["pass"] = .string(pass)
      return report
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }
}
