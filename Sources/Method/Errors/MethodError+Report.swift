import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension MethodError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .noClassifier(let layer):
      return ErrorReport(
        "method.no-classifier", "expected logits from a linear layer, found them made by \(layer)",
        ["layer": .string(layer)])
    case .noFeatures:
      return ErrorReport(
        "method.no-features", "expected a model with pooled features, found one without")
    case .noBatchNorm:
      return ErrorReport(
        "method.no-batch-norm", "expected a batch norm whose statistics can be taken anew, found none")
    case .unusualTail(let layer):
      var report = ErrorReport(
        "method.tail",
        "expected sum, ReLU and global average after the last batch norm, found something else at \(layer)",
        ["layer": .string(layer)])
      report.hint = "--mode fc, and bnstat+fc without --recipe paper, do without."
      return report
    case .failuresInSuccession, .notFinite: return picture
    case .tooManyFailures, .noPictures, .unknownTrainResolution, .testPoolNeedsLarger, .noBias, .noFrechetFit,
      .sigmoidOutputs:
      return data
    case .cache(let path, let count, let code):
      return ErrorReport(
        "method.cache",
        "\(path): \(Text.bytes(count)) for features were refused: \(String(cString: strerror(code)))",
        ["path": .string(path), "bytes": JSON(count), "errno": JSON(Int(code))])
    case .state(let path, let fault): return fault.report.about(path)
    case .workers(let fault): return fault.report
    case .schedule(let name, let expected, let found):
      return ErrorReport(
        "finetune.schedule", "schedule.\(name): expected \(expected), found \(found)", ["name": .string(name)]
      )
    case .needsValidation(let option):
      return ErrorReport(
        "method.needs-validation", "\(option): expected --validate DIR with it, found none")
    case .file(let error): return error.report
    case .checkpoint(let error): return error.report
    case .reference(let fault): return fault.report
    case .evaluation(let error): return error.report
    case .pass(let error): return error.report
    case .runtime(let error): return error.report
    case .image(let error): return error.report
    case .model(let error): return error.report
    case .passFailed, .proofFailed, .headProofFailed, .inputTooLarge, .differentInputs, .noCommonLayers:
      return comparison
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  /// Errors of pictures and of what is known of a model.
  private var data: ErrorReport {
    switch self {
    case .tooManyFailures(let failed, let pictures, let first, let underlying):
      var report = ErrorReport(
        "method.undecodable",
        "expected at most 1 % of \(Text.count(pictures, "picture")) to fail, found \(failed) that cannot be decoded, "
          + "the first: \(underlying.report.about(first).message)",
        ["failed": JSON(failed), "pictures": JSON(pictures), "path": .string(first)])
      report.hint = "--allow-failures goes on without them."
      return report
    case .noPictures(let path):
      return ErrorReport(
        "method.no-pictures", "\(path): expected pictures, found none", ["path": .string(path)])
    case .unknownTrainResolution:
      var report = ErrorReport(
        "method.train-resolution",
        "expected a model that knows its training resolution, found one that does not")
      report.hint = "--train-resolution K tells it."
      return report
    case .sigmoidOutputs(let logits):
      var report = ErrorReport(
        "finetune.sigmoid",
        "expected a classifier whose probabilities are a softmax, which is what is trained, found "
          + (logits == 1 ? "one of a single logit" : "\(logits) logits that are read by sigmoids"),
        ["logits": JSON(logits)])
      report.hint = "--new-head trains a softmax over the folders' classes."
      return report
    case .testPoolNeedsLarger(let train, let test):
      return ErrorReport(
        "method.test-pool",
        "--test-pool: expected a test resolution above the training resolution \(train), found \(test)",
        ["train": train.json, "test": test.json])
    case .noBias(let layer):
      return ErrorReport(
        "method.no-bias", "expected a classifier with a bias, found \(layer) without one",
        ["layer": .string(layer)])
    case .noFrechetFit(let resolution):
      return ErrorReport(
        "method.no-fit",
        "expected pooled features that a law can be fitted to, found none above zero, or all the same, at \(resolution)",
        ["resolution": resolution.json])
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }

  /// Errors that a picture shows.
  private var picture: ErrorReport {
    switch self {
    case .failuresInSuccession(let count, let done, let pictures, let first, let underlying):
      var report = ErrorReport(
        "method.failures-in-succession",
        "\(Text.count(count, "picture")) in succession could not be read, after \(Text.grouped(done)) of "
          + "\(Text.grouped(pictures)), the first: \(underlying.report.about(first).message)",
        [
          "failed": JSON(count), "done": JSON(done), "pictures": JSON(pictures), "path": .string(first),
        ])
      report.hint = "--max-failures N goes on for longer."
      return report
    case .notFinite(let input, let origin):
      return ErrorReport(
        "method.not-finite", "\(input): expected finite numbers, found NaN or infinity: \(origin.sentence)",
        ["input": .string(input), "origin": origin.json])
    default: return .reportedElsewhere  // the other cases have their sentences elsewhere
    }
  }

  /// Errors of proofs and comparisons.
  private var comparison: ErrorReport {
    switch self {
    case .proofFailed(let difference, let limit):
      return ErrorReport(
        "adapt.proof",
        "expected the logits of the unfolded model to within \(Text.significant(Double(limit))), "
          + "found a difference of \(Text.significant(Double(difference))); nothing was written")
    case .passFailed(let pass, let layer, let resolution, let difference, let limit):
      return ErrorReport(
        "adapt.pass",
        "the pass \(pass) changed what the network computes, a fault of fixresc: expected its outputs at "
          + "\(resolution) to within \(Text.significant(Double(limit))), found a difference of "
          + Text.significant(Double(difference)) + (layer.map { ", first at \(Text.shortened($0))" } ?? "")
          + "; nothing was written",
        [
          "pass": .string(pass), "resolution": resolution.json, "max_abs_difference": JSON(difference),
          "first_departure": layer.map { .string($0) } ?? .null,
        ])
    case .headProofFailed(let resolution, let difference):
      return ErrorReport(
        "adapt.head-proof",
        "expected the rewritten network to give the old one's logits at \(resolution), "
          + "found a difference of \(Text.significant(Double(difference))); nothing was written")
    case .inputTooLarge(let batch, let shape):
      return ErrorReport(
        "input.size", "expected an input that fits in memory, found \(batch) x \(shape)")
    case .differentInputs(let first, let second):
      return ErrorReport(
        "compare.input",
        "expected two models of one input, found \(first) and \(second); `adapt --to` makes them equal")
    case .noCommonLayers:
      return ErrorReport(
        "compare.names", "expected models with layers of one name and shape, found none in common")
    default: return .reportedElsewhere  // the other cases have their sentences above
    }
  }
}
