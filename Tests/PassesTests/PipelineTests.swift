import FixresIR
import FixresPasses
import TestSupport
import Testing

@Suite struct PipelineTests {
  @Test func defaultOrderKeepsEveryConstraint() throws {
    #expect(Pipeline.firstBrokenConstraint(Pipeline.defaultNames) == nil)
    #expect(try Pipeline().passes.map(\.name) == Pipeline.defaultNames)
    for constraint in Pipeline.constraints {
      #expect(Pipeline.defaultNames.contains(constraint.earlier))
      #expect(Pipeline.defaultNames.contains(constraint.later))
      #expect(!constraint.reason.isEmpty)
    }
    #expect(try Pipeline().passes.allSatisfy { !$0.summary.isEmpty })
  }

  @Test(arguments: Pipeline.constraints.map { [$0.later, $0.earlier] }) func brokenOrdersAreRefused(
    names: [String]
  ) throws {
    let error = #expect(throws: PassError.self) { try Pipeline(names) }
    guard case .order(let earlier, let later, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect([later, earlier] == names && !reason.isEmpty)
    #expect(try Pipeline(names.reversed()).passes.map(\.name) == names.reversed())
  }

  @Test func listsAreChecked() throws {
    #expect(throws: PassError.unknownPass(name: "fold-bn", known: Pipeline.defaultNames)) {
      try Pipeline(["canonicalize", "fold-bn"])
    }
    #expect(throws: PassError.repeatedPass(name: "canonicalize")) {
      try Pipeline(["canonicalize", "canonicalize"])
    }
    #expect(throws: PassError.resolutionWithoutRetarget(requested: Extent(square: 64))) {
      try Pipeline(["canonicalize"], to: Extent(square: 64))
    }
    #expect(try Pipeline([]).passes.isEmpty)
    #expect(try PassSelection(parsing: "all") == .all)
    #expect(
      try PassSelection(parsing: "canonicalize,fold-constants")
        == .passes(["canonicalize", "fold-constants"]))
    #expect(throws: PassError.self) { try PassSelection(parsing: "folding") }
  }

  @Test func tellsTheObserver() throws {
    let model = try RandomNetwork.make(seed: 4)
    var options = PassOptions()
    options.printBefore = .passes(["fold-batch-norm"])
    options.printAfter = .all
    options.verifyEach = true
    var events: [String] = []
    var graphs: [Graph] = []
    let result = try Adapt.run(model, options: options) { event in
      switch event {
      case .graphBefore(let pass, let graph):
        events.append("before \(pass)")
        #expect(graph == graphs.last)
      case .changed: Issue.record("networks are reported unasked")
      case .finished(let report):
        events.append("finished \(report.name)")
        #expect(report.milliseconds >= 0)
      case .graphAfter(let pass, let graph):
        events.append("after \(pass)")
        graphs.append(graph)
      }
    }
    let expected = Pipeline.defaultNames.flatMap { name in
      (name == "fold-batch-norm" ? ["before \(name)"] : []) + ["finished \(name)", "after \(name)"]
    }
    #expect(events == expected)
    #expect(graphs.last == result.model.graph)
    #expect(result.passes.map(\.name) == Pipeline.defaultNames)
  }

  @Test func historyTellsWhatChanged() throws {
    let model = try Model.syntheticResNet("resnet18", side: 64)
    let result = try Adapt.run(model, to: Extent(96, 80))
    let history = result.model.metadata.history.map { entry in
      "\(entry.action) \(entry.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " "))"
    }
    #expect(
      history == [
        "retarget-resolution from=64 to=96x80 rewrites=1", "fold-batch-norm rewrites=20",
        "fuse-conv-residual rewrites=8", "fuse-conv-activation rewrites=9",
        "eliminate-dead-nodes rewrites=80",
      ])
    #expect(result.macsBefore == model.graph.multiplyAccumulates)
    #expect(result.macsAfter == result.model.graph.multiplyAccumulates)
  }

  /// A pass that leaves a graph unsound is named, with each-pass verification and without.
  @Test(arguments: [true, false]) func brokenPassesAreNamed(verifyEach: Bool) throws {
    struct Vandal: Pass {
      let name = "vandal"
      let summary = "moves a node before its operands are made"
      func run(_ context: inout PassContext) throws(PassError) {
        guard context.permitsRewrite(), let last = context.rewriter.nodeIDs.last,
          let first = context.rewriter.nodeIDs.first
        else { return }
        context.rewriter.move(last, before: first)
      }
    }
    var options = PassOptions()
    options.verifyEach = verifyEach
    var driver = PassDriver(options)
    let error = #expect(throws: PassError.self) {
      try driver.run([Vandal()], on: try RandomNetwork.make(seed: 1))
    }
    guard case .broken(pass: "vandal", .unverified) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func adaptationsSeeTheUnfoldedModelAtTheNewSize() throws {
    let model = try RandomNetwork.make(seed: 2)
    let target = Extent(square: 24)
    var seen = 0
    let result = try Adapt.run(model, to: target) { adapted in
      seen += 1
      #expect(adapted.graph.resolution == target)
      #expect(!hasFoldedBatchNorm(adapted))
      adapted.metadata.history.append(HistoryEntry("bn-statistics"))
    }
    #expect(seen == 1)
    #expect(
      result.model.metadata.history.prefix(2).map(\.action) == ["retarget-resolution", "bn-statistics"])
    #expect(throws: PassError.self) { try Adapt.run(result.model, to: target) { _ in } }
  }

  @Test func foldedModelsAreKnown() throws {
    let model = try Model.syntheticResNet("resnet18", side: 32)
    #expect(BatchNormState(of: model) == .intact(count: 20))
    var options = PassOptions()
    options.stopAfterRewrites = 5
    let half = try Adapt.run(model, options: options).model
    #expect(BatchNormState(of: half) == .partlyFolded(count: 15))
    let folded = try Adapt.run(model)
    #expect(BatchNormState(of: folded.model) == .folded && folded.notes == [])
    #expect(hasFoldedBatchNorm(folded.model) && hasFoldedBatchNorm(half) && !hasFoldedBatchNorm(model))
    #expect(throws: PassError.batchNormFolded(convolutions: 20)) { try Adapt.requireAdaptable(folded.model) }
    let again = try Adapt.run(folded.model, to: Extent(square: 64))
    #expect(again.notes == [.batchNormAlreadyFolded])
    #expect(again.model.graph.resolution == Extent(square: 64))
  }
}
