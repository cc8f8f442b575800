import FixresBase
import FixresMethod

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension ErrorReport {
  static func method(_ error: MethodError) -> ErrorReport {
    switch error {
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
    case .failuresInSuccession, .notFinite: return picture(error)
    case .tooManyFailures, .noPictures, .unknownTrainResolution, .testPoolNeedsLarger, .noBias, .noFrechetFit,
      .sigmoidOutputs:
      return data(error)
    case .cache(let path, let count, let code):
      return ErrorReport(
        "method.cache",
        "\(path): \(Text.bytes(count)) for features were refused: \(String(cString: strerror(code)))",
        ["path": .string(path), "bytes": JSON(count), "errno": JSON(Int(code))])
    case .state(let path, let fault): return state(path, fault)
    case .needsValidation(let option):
      return ErrorReport(
        "method.needs-validation", "\(option): expected --validate DIR with it, found none")
    case .reference(let fault): return reference(fault)
    case .pass(let error): return pass(error)
    case .runtime(let error): return runtime(error)
    case .image(let error): return image(error)
    case .model(let error): return ir(error)
    case .passFailed, .proofFailed, .headProofFailed, .inputTooLarge, .differentInputs, .noCommonLayers:
      return comparison(error)
    }
  }

  /// Errors of pictures and of what is known of a model.
  private static func data(_ error: MethodError) -> ErrorReport {
    switch error {
    case .tooManyFailures(let failed, let pictures, let first, let underlying):
      var report = ErrorReport(
        "method.undecodable",
        "expected at most 1 % of \(Text.count(pictures, "picture")) to fail, found \(failed) that cannot be decoded, "
          + "the first: \(ErrorReport.image(underlying).about(first).message)",
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
        ["train": size(train), "test": size(test)])
    case .noBias(let layer):
      return ErrorReport(
        "method.no-bias", "expected a classifier with a bias, found \(layer) without one",
        ["layer": .string(layer)])
    case .noFrechetFit(let resolution):
      return ErrorReport(
        "method.no-fit",
        "expected pooled features that a law can be fitted to, found none above zero, or all the same, at \(resolution)",
        ["resolution": size(resolution)])
    default: return ErrorReport("unknown", "\(error)")  // the other cases have their sentences above
    }
  }

  /// Errors that a picture shows.
  private static func picture(_ error: MethodError) -> ErrorReport {
    switch error {
    case .failuresInSuccession(let count, let done, let pictures, let first, let underlying):
      var report = ErrorReport(
        "method.failures-in-succession",
        "\(Text.count(count, "picture")) in succession could not be read, after \(Text.grouped(done)) of "
          + "\(Text.grouped(pictures)), the first: \(ErrorReport.image(underlying).about(first).message)",
        [
          "failed": JSON(count), "done": JSON(done), "pictures": JSON(pictures), "path": .string(first),
        ])
      report.hint = "--max-failures N goes on for longer."
      return report
    case .notFinite(let input, let origin):
      return ErrorReport(
        "method.not-finite", "\(input): expected finite numbers, found NaN or infinity: \(sentence(origin))",
        ["input": .string(input), "origin": data(origin)])
    default: return ErrorReport("unknown", "\(error)")  // the other cases have their sentences elsewhere
    }
  }

  /// Where numbers stop being finite, as a part of a sentence.
  static func sentence(_ origin: NonFiniteOrigin) -> String {
    switch origin {
    case .input(let index): "the input itself holds it, at element \(index)"
    case .constant(let name, let index, let layer):
      "the tensor \(Text.shortened(name)) of \(Text.shortened(layer)) holds it, at element \(index)"
    case .layer(let name, let operation, let weights):
      "\(Text.shortened(name)) (\(operation)\(weights.map { " with " + Text.shortened($0) } ?? "")) is the first layer to give it, as its sums exceed float32"
    case .unknown: "the network gives it"
    }
  }

  private static func data(_ origin: NonFiniteOrigin) -> JSON {
    switch origin {
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

  /// Errors of proofs and comparisons.
  private static func comparison(_ error: MethodError) -> ErrorReport {
    switch error {
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
          "pass": .string(pass), "resolution": size(resolution), "max_abs_difference": JSON(difference),
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
    default: return ErrorReport("unknown", "\(error)")  // the other cases have their sentences above
    }
  }

  private static func state(_ path: String, _ fault: TrainingStateFault) -> ErrorReport {
    var report: ErrorReport
    switch fault {
    case .notAState:
      report = ErrorReport(
        "state.unknown", "\(path): expected the state of a fine-tuning, found another file")
    case .newerVersion(let found, let known):
      report = ErrorReport(
        "state.version", "\(path): expected a state of version \(known) or earlier, found version \(found)")
    case .damaged(let offset):
      report = ErrorReport(
        "state.damaged", "\(path): expected a whole state, found damage by byte \(offset)",
        ["offset": JSON(offset)])
    case .otherTraining(let setting, let state, let now):
      report = ErrorReport(
        "state.other",
        "\(path): expected a state of the same fine-tuning, found \(setting) \(state) instead of \(now)",
        ["setting": .string(setting), "found": .string(state), "expected": .string(now)])
    }
    report.data["path"] = .string(path)
    report.hint = "Without --resume the training begins anew."
    return report
  }
}
