import FixresBase
import FixresIR
import FixresMethod
import FixresPasses
import FixresRuntime

private enum Options {
  static let to = Option(
    "--to", "K|HxW", .size, "test resolution: a side, or height x width (default: the model's)")
  static let passes = Option(
    "--passes", "LIST", .text, "passes to run, between commas (default: all, in their order)")
  static let verify = Option("--verify", "read the written file back and compare it with the model in memory")
  static let noProof = Option("--no-proof", "do not run the model before and after to compare the logits")
  static let printBefore = Option(
    "--print-ir-before", "P", .text, "print the graph before the pass P (or all) on stderr")
  static let printAfter = Option(
    "--print-ir-after", "P", .text, "print the graph after the pass P (or all) on stderr")
  static let verifyEach = Option("--verify-each", "verify the graph after every pass")
  static let timePasses = Option("--time-passes", "show each pass's time")
  static let stopAfter = Option(
    "--stop-after-rewrites", "N", .integer(0...Int.max), "do only the first N rewrites, to find a wrong one")
}

extension Command {
  static let adapt = Command(
    "adapt", "retarget a model to a test resolution, fold its batch norms and fuse its layers",
    example: "fixresc adapt resnet50.pth --to 384 -o resnet50-384.bin",
    details:
      "The output is written beside its place and moved there once it is whole; input and output may be one file.",
    arguments: [Shared.modelArgument],
    groups: [
      OptionGroup(
        "Options",
        [Shared.output, Options.to, Options.verify, Options.noProof, KernelTuning.tune, WeightStorage.pack]),
      MethodAdaptations.group,
      OptionGroup(
        "Passes",
        [
          Options.passes, Options.verifyEach, Options.timePasses, Options.printBefore, Options.printAfter,
          Options.stopAfter,
        ]),
      Shared.pictures, Shared.model, Shared.engine,
    ],
    run: { try Adaptation($0).run() })
}

/// One run of `adapt`.
private struct Adaptation {
  private let invocation: Invocation
  private let console: Console

  init(_ invocation: Invocation) {
    self.invocation = invocation
    self.console = invocation.console
  }

  func run() throws -> JSON.Object {
    try checkPassNames()
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    let target = invocation.size(Options.to).map { Extent($0.height, $0.width) }
    let adaptations = try MethodAdaptations(invocation, source: source.model)
    let passes = invocation.list(Options.passes)
    var object = JSON.Object()
    var unfolded = source.model
    let result =
      adaptations.isWanted
      ? try Adapt.run(source.model, to: target, passes: passes, options: try passOptions(), observer: observe)
      {
        try adaptations.apply(to: &$0, &object)
        unfolded = $0
      }
      : try Adapt.run(source.model, to: target, passes: passes, options: try passOptions(), observer: observe)
    for note in result.notes { tell(note) }
    try checkMemory(result.model.graph)
    report(result, &object)
    reportSize(result.model, &object)
    object["proof"] = try proof(unfolded, result.model)
    object["head_proof"] = try headProof(source.model, result)
    let path = invocation.text(Shared.output) ?? ""
    var model = result.model
    object["tuning"] = try KernelTuning(invocation).apply(to: &model)
    object["packed"] = try WeightStorage(invocation).apply(to: &model, source: source.model)
    try write(model, to: path)
    return object
  }

  /// Refuses a pass that does not exist as a usage error, with the nearest spelling.
  private func checkPassNames() throws(UsageError) {
    for option in [Options.passes, Options.printBefore, Options.printAfter] {
      let extra = option == Options.passes ? [] : ["all"]
      let known = Pipeline.defaultNames + extra
      for name in invocation.list(option) ?? [] where !known.contains(name) {
        throw UsageError(
          kind: .badValue(
            option: option.name, value: name, expected: "passes among " + known.joined(separator: ", ")),
          suggestion: Suggestion.nearest(to: name, among: known), command: invocation.command.name)
      }
    }
  }

  private func passOptions() throws(PassError) -> PassOptions {
    var options = PassOptions()
    options.verifyEach = invocation.has(Options.verifyEach)
    options.stopAfterRewrites = invocation.integer(Options.stopAfter)
    if let text = invocation.text(Options.printBefore) {
      options.printBefore = try PassSelection(parsing: text)
    }
    if let text = invocation.text(Options.printAfter) {
      options.printAfter = try PassSelection(parsing: text)
    }
    return options
  }

  private func observe(_ event: PassEvent) {
    switch event {
    case .graphBefore(let pass, let graph): console.say("// before \(pass)\n" + GraphPrinter.text(of: graph))
    case .graphAfter(let pass, let graph): console.say("// after \(pass)\n" + GraphPrinter.text(of: graph))
    case .finished: break
    }
  }

  private func tell(_ note: PassNote) {
    switch note {
    case .alreadyAtResolution, .batchNormAlreadyFolded: console.note("fixresc: note: \(note)")
    case .smallResolution, .negativeVariance, .nonFinite: console.warn("\(note)")
    }
  }

  private func report(_ result: AdaptResult, _ object: inout JSON.Object) {
    object["passes"] = .array(
      result.passes.map {
        ["name": .string($0.name), "rewrites": JSON($0.rewrites), "milliseconds": JSON($0.milliseconds)]
      })
    object["macs_before"] = JSON(result.macsBefore)
    object["macs_after"] = JSON(result.macsAfter)
    let isTimed = invocation.has(Options.timePasses)
    var table = Table(
      [.left, .right] + (isTimed ? [.right] : []), header: ["pass", "rewrites"] + (isTimed ? ["ms"] : []))
    for pass in result.passes {
      table.add(
        [pass.name, Text.grouped(pass.rewrites)] + (isTimed ? [Text.fixed(pass.milliseconds, 2)] : []))
    }
    if isTimed {
      table.add(["", "", Text.fixed(result.passes.reduce(0) { $0 + $1.milliseconds }, 2)])
    }
    console.lines(table.lines())
    console.line()
    let ratio = Double(result.macsAfter) / Double(max(result.macsBefore, 1))
    console.line(
      "MACs           \(Text.scaled(Double(result.macsBefore))) -> \(Text.scaled(Double(result.macsAfter))) "
        + "(x \(Text.fixed(ratio, 2)))")
  }

  /// Objects that look more than this much larger or smaller than in training are worth a fine-tuning.
  private static let worthFineTuning = 1.25

  private func reportSize(_ model: Model, _ object: inout JSON.Object) {
    let test = model.graph.resolution
    guard let train = model.metadata.trainResolution else {
      object["expected_size_ratio"] = .null
      console.line("apparent size  unknown, as the training resolution is (--train-resolution K tells it)")
      return
    }
    let side = min(train.height, train.width)
    let ratio = Geometry.expectedSizeRatio(
      train: side, test: min(test.height, test.width), preprocessing: model.metadata.preprocessing)
    object["expected_size_ratio"] = JSON(ratio)
    let matched = Geometry.matchedTestSide(train: side, cropShare: model.metadata.preprocessing.cropShare)
    console.line(
      "apparent size  \(Text.fixed(ratio, 2)) of the size in training (trained at \(train), tested at \(test); "
        + "1.00 at \(matched))")
    if max(ratio, 1 / ratio) > Adaptation.worthFineTuning {
      console.line("               far from 1: fine-tuning at \(test) is worth it")
    }
  }

  /// Refuses a size at which even the largest layer, its input and its result, is beyond memory.
  private func checkMemory(_ graph: Graph) throws {
    let needed =
      graph.nodes.map { node in
        (node.operands + [node.result]).reduce(0) { $0.addingSaturated(graph[$1].type.elementCount * 4) }
      }.max() ?? 0
    let available = MachineMemory.availableByteCount()
    guard needed <= available else { throw RuntimeError.planTooLarge(needed: needed, available: available) }
  }

  /// Logits of the adapted model that depart from the unfolded one's by more than this share of the largest are
  /// refused: rounding gives a thousandth of it.
  private static let proofTolerance: Float = 1e-3

  /// Runs the model at the new size before and after folding and fusing, on the same made-up input.
  private func proof(_ before: Model, _ after: Model) throws -> JSON {
    guard !invocation.has(Options.noProof) else { return .null }
    let target = after.graph.resolution
    let unfolded = try Adapt.run(before, to: target, passes: ["retarget-resolution"]).model
    let (difference, largest) = try difference(of: after, from: unfolded)
    let limit = Adaptation.proofTolerance * largest
    guard difference <= limit else {
      throw CommandError.refused(
        kind: "adapt.proof",
        "expected the logits of the unfolded model to within \(Text.significant(Double(limit))), "
          + "found a difference of \(Text.significant(Double(difference))); nothing was written")
    }
    console.line(
      "proof          greatest difference of a logit \(Text.significant(Double(difference))), "
        + "of the largest \(Text.significant(Double(largest)))")
    return ["max_abs_difference": JSON(difference), "largest_logit": JSON(largest)]
  }

  /// The greatest difference between the logits of two models on one made-up input, and the largest logit.
  private func difference(of model: Model, from other: Model) throws -> (difference: Float, largest: Float) {
    var options = ModelSource.sessionOptions(invocation)
    options.isExact = true
    let reference = try Session(model: other, options: options)
    // Only once the session has found that its plan fits in memory.
    let input = try TestInput.noise(for: model.graph)
    let expected = try reference.run(input).logits
    let found = try Session(model: model, options: options).run(input).logits
    var (difference, largest): (Float, Float) = (0, 0)
    for (x, y) in zip(expected, found) {
      let distance = abs(x - y)
      if !(distance <= difference) { difference = distance.isNaN ? .infinity : distance }
      largest = max(largest, abs(x))
    }
    return (difference, largest)
  }

  /// Where fixed pools became global, the rewritten network at its old size against the one that came in.
  private func headProof(_ source: Model, _ result: AdaptResult) throws -> JSON {
    let (old, new) = (source.graph.resolution, result.model.graph.resolution)
    // Typing the graph anew is one rewrite, each pool another.
    let rewrites = result.passes.first { $0.name == "retarget-resolution" }?.rewrites ?? 0
    guard !invocation.has(Options.noProof), old != new, rewrites > 1 else { return .null }
    let retarget = ["retarget-resolution"]
    let there = try Adapt.run(source, to: new, passes: retarget).model
    let back = try Adapt.run(there, to: old, passes: retarget).model
    let (difference, largest) = try difference(of: back, from: source)
    guard difference <= Adaptation.proofTolerance * largest else {
      throw CommandError.refused(
        kind: "adapt.head-proof",
        "expected the rewritten network to give the old one's logits at \(old), "
          + "found a difference of \(Text.significant(Double(difference))); nothing was written")
    }
    console.line(
      "               rewritten head at \(old): \(Text.significant(Double(difference))), "
        + "of the largest \(Text.significant(Double(largest)))")
    return ["resolution": .string("\(old)"), "max_abs_difference": JSON(difference)]
  }

  private func write(_ model: Model, to path: String) throws {
    try naming(path) { try ModelFile.write(model, to: path) }
    var sentence = "\(path), \(Text.bytes(model.constants.byteCount)) of constants"
    if invocation.has(Options.verify) {
      let written = try naming(path) { try ModelFile.open(path) }
      guard written == model else {
        throw CommandError.refused(
          kind: "adapt.verify", "\(path): expected the model that was written, read back another one")
      }
      sentence += ", read back and equal"
    }
    console.line("wrote          \(sentence)")
  }
}
