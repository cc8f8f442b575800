import FixresBase
import FixresImaging

/// Sentences about references: inputs with the outputs that another program gave for them.
extension ReferenceFault: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .file(let error): error.report
    case .npy(let path, let error): error.report.about(path)
    case .json(let path, let error): error.report.about(path)
    case .picture(let path, let error): ReferenceFault.picture(path, error)
    case .misfit(let misfit): ReferenceFault.misfit(misfit)
    case .ambiguous(let name, let fits): ReferenceFault.ambiguous(name, fits)
    case .inputShape, .channelsLast, .channels, .outputs, .outputShape, .classes, .notFinite, .uninformative,
      .tooLarge:
      shape
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  private static func picture(_ path: String, _ error: ImageError) -> ErrorReport {
    var report = error.report.about(path)
    report.hint = "The IN of --reference IN:OUT is a .npy tensor [N, C, H, W] or a picture."
    return report
  }

  /// Faults of the files of a pair.
  private var shape: ErrorReport {
    func report(_ path: String, _ kind: String, _ sentence: String, hint: String? = nil) -> ErrorReport {
      var report = ErrorReport("reference.\(kind)", "\(path): \(sentence)", ["path": .string(path)])
      report.hint = hint
      return report
    }
    switch self {
    case .inputShape(let path, let found):
      return report(
        path, "input-shape",
        "expected an input [N, C, H, W] or [C, H, W] of 1, 3 or 4 channels, found \(found)")
    case .channelsLast(let path, let found):
      return report(
        path, "channels-last", "expected an input [N, C, H, W], found \(found), whose channels are the last",
        hint: "x.transpose(\(found.count == 3 ? "2, 0, 1" : "0, 3, 1, 2")) puts them first.")
    case .channels(let path, let expected, let found):
      return report(path, "channels", "expected an input of \(expected) channels, found \(found)")
    case .outputs(let path):
      return report(
        path, "outputs", "expected outputs as .npy, or in JSON as a list of numbers or {\"logits\": [...]}",
        hint: "`fixresc reference --script` prints the Python that makes a pair.")
    case .outputShape(let path, let inputs, let found):
      return report(
        path, "output-shape",
        "expected \(Text.count(inputs, "row")) of outputs, one for each input, found \(found)")
    case .classes(let path, let expected, let found):
      return report(
        path, "classes", "expected \(Text.count(expected, "output")), as the network gives, found \(found)")
    case .notFinite(let path):
      return report(path, "not-finite", "expected finite numbers, found infinities or NaN")
    case .uninformative(let path):
      return report(
        path, "uninformative",
        "expected outputs that tell networks apart, found zeros, or probabilities of 0 and 1 alone",
        hint: "Save the scores before the softmax.")
    case .tooLarge(let path, let found): return report(path, "size", "\(found) is too large for a reference")
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }

  /// What people read of a difference: `2.4e-06 of the largest output`.
  static func share(_ difference: Double) -> String { Text.significant(difference) }

  private static func misfit(_ misfit: ReferenceMisfit) -> ErrorReport {
    let distance = share(misfit.difference)
    var sentence =
      "expected the outputs of \(misfit.name) to \(share(misfit.tolerance)) of the largest, found "
    if misfit.nearest.isEmpty {
      sentence += "a difference of \(distance)"
    } else {
      sentence +=
        "\(distance) at the nearest of \(Text.count(misfit.tried, "combination")): \(misfit.nearest)"
    }
    let facts = misfit.facts.map { fact in
      "\(fact.name) " + fact.values.map { "\($0.value) \(share($0.difference))" }.joined(separator: ", ")
    }
    if !facts.isEmpty { sentence += "; fact by fact: " + facts.joined(separator: "; ") }
    var report = ErrorReport(
      "reference.misfit", sentence,
      [
        "reference": .string(misfit.name), "difference": JSON(misfit.difference),
        "tolerance": JSON(misfit.tolerance), "nearest": .string(misfit.nearest), "tried": JSON(misfit.tried),
        "cut_short": JSON(misfit.isCutShort),
        "facts": .array(
          misfit.facts.map { fact in
            [
              "name": .string(fact.name),
              "values": .array(
                fact.values.map { ["value": .string($0.value), "difference": JSON($0.difference)] }),
            ]
          }),
      ])
    report.hint = hint(misfit)
    return report
  }

  private static func hint(_ misfit: ReferenceMisfit) -> String {
    // Wrong facts are far off, coarse arithmetic of the right ones is not.
    if misfit.difference < 0.02 {
      return misfit.storage.map {
        "The outputs were stored as \($0) and perhaps computed so: save float32 ones, computed on a CPU in float32."
      } ?? "That near, the facts may be right and the arithmetic coarse (half precision, TF32) or an epsilon "
        + "another (--bn-eps): compute the outputs on a CPU in float32."
    }
    return
      "Are IN and OUT of this network, in eval() mode? --network FACT=VALUE states what the file does not say."
  }

  private static func ambiguous(_ name: String, _ fits: [String]) -> ErrorReport {
    var report = ErrorReport(
      "reference.ambiguous",
      "expected one set of facts that fits \(name), found \(fits.count) that differ on other inputs: "
        + fits.joined(separator: " | "),
      ["reference": .string(name), "fits": JSON(fits)])
    report.hint = "A second --reference, of another and larger input, tells them apart."
    return report
  }
}
