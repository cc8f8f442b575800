import FixresBase
import FixresIR

/// What one pass did.
package struct PassReport: Hashable, Sendable {
  package let name: String
  package let rewrites: Int
  package let milliseconds: Double
}

/// Passes by name, as `--print-ir-after P|all` chooses them.
package enum PassSelection: Hashable, Sendable {
  case none
  case all
  case passes(Set<String>)

  /// `all`, or names separated by commas.
  package init(parsing text: String) throws(PassError) {
    guard text != "all" else {
      self = .all
      return
    }
    let names = text.split(separator: ",").map(String.init)
    for name in names where !Pipeline.defaultNames.contains(name) {
      throw .unknownPass(name: name, known: Pipeline.defaultNames)
    }
    self = .passes(Set(names))
  }

  func contains(_ name: String) -> Bool {
    switch self {
    case .none: false
    case .all: true
    case .passes(let names): names.contains(name)
    }
  }
}

/// What the driver does around the passes.
package struct PassOptions: Sendable {
  /// Verify the whole graph after every pass instead of once at the end.
  package var verifyEach = false
  /// Stop for good once that many rewrites were done over all passes; for bisection.
  package var stopAfterRewrites: Int?
  /// Passes before and after which the observer is given the graph.
  package var printBefore = PassSelection.none
  package var printAfter = PassSelection.none

  package init() {}
}

/// What the driver tells while it runs.
package enum PassEvent: Sendable {
  case graphBefore(pass: String, Graph)
  case graphAfter(pass: String, Graph)
  case finished(PassReport)
}

/// Runs passes over a model and keeps account of them; may be run in parts, with an adaptation in between.
package struct PassDriver {
  package typealias Observer = (PassEvent) -> Void

  package private(set) var reports: [PassReport] = []
  package private(set) var notes: [PassNote] = []
  private let options: PassOptions
  private let observer: Observer?
  private var remainingRewrites: Int?

  package init(_ options: PassOptions = PassOptions(), observer: Observer? = nil) {
    self.options = options
    self.observer = observer
    remainingRewrites = options.stopAfterRewrites.map { max(0, $0) }
  }

  /// `model` after `passes`, verified, with constants that nothing declares any more dropped.
  package mutating func run(_ passes: [any Pass], on model: Model) throws(PassError) -> Model {
    do { try model.check() } catch { throw .unsoundModel(error) }
    let source = model
    var model = model
    for pass in passes { model = try run(pass, on: model) }
    model.constants.prune(to: model.graph)
    // Measured on these shapes and layers, and packed for them, or for none.
    let isUnchanged = model.graph == source.graph
    model.tunings = isUnchanged ? source.tunings : []
    model.packedConstants = isUnchanged ? model.validPackedConstants : []
    if let last = passes.last, !options.verifyEach { try verify(model, after: last) }
    return model
  }

  private mutating func run(_ pass: any Pass, on model: Model) throws(PassError) -> Model {
    if options.printBefore.contains(pass.name) {
      observer?(.graphBefore(pass: pass.name, model.graph))
    }
    let start = MonotonicClock.nanoseconds()
    var context = PassContext(model, passName: pass.name, remainingRewrites: remainingRewrites)
    try pass.run(&context)
    var result = model
    if context.rewriteCount > 0 {
      result = Model(
        graph: context.rewriter.finish(), constants: context.constants, metadata: context.metadata)
      result.metadata.history.append(
        HistoryEntry(
          pass.name, pass.parameters(before: model.graph) + [.init("rewrites", "\(context.rewriteCount)")]))
    }
    let nanoseconds = MonotonicClock.nanoseconds() - start
    remainingRewrites = context.remainingRewrites
    for note in context.notes where !notes.contains(note) { notes.append(note) }
    let report = PassReport(
      name: pass.name, rewrites: context.rewriteCount, milliseconds: Double(nanoseconds) / 1e6)
    reports.append(report)
    if options.verifyEach { try verify(result, after: pass) }
    observer?(.finished(report))
    if options.printAfter.contains(pass.name) { observer?(.graphAfter(pass: pass.name, result.graph)) }
    return result
  }

  private func verify(_ model: Model, after pass: any Pass) throws(PassError) {
    do { try model.check() } catch { throw .broken(pass: pass.name, error) }
  }
}
