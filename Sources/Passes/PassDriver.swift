import FixresBase
import FixresIR

/// Report of a pass.
public struct PassReport: Hashable, Sendable {
  /// The pass's name, such as `fold-batch-norm`.
  public let name: String
  /// Number of rewrites that it did.
  public let rewrites: Int
  /// Wall-clock time of the pass in milliseconds.
  public let milliseconds: Double
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
  /// Verify the whole graph after every pass that changed it instead of once at the end.
  package var verifyEach = false
  /// Stop once that many rewrites were done over all passes; for bisection.
  package var stopAfterRewrites: Int?
  /// Passes before and after which the observer is given the graph.
  package var printBefore = PassSelection.none
  package var printAfter = PassSelection.none
  /// Hand the networks before and after each pass that changed one to the observer.
  package var reportsNetworks = false

  package init() {}
}

/// What the driver reports while it runs.
package enum PassEvent: Sendable {
  case graphBefore(pass: String, Graph)
  case graphAfter(pass: String, Graph)
  case finished(PassReport)
  case changed(pass: String, before: PassNetwork, after: PassNetwork)
}

/// Runs passes over a model and keeps account of them; may be run in parts, with an adaptation in between.
package struct PassDriver {
  package typealias Observer = (PassEvent) -> Void

  package private(set) var reports: [PassReport] = []
  package private(set) var notes: [PassNote] = []
  private var noted: Set<PassNote> = []
  private let options: PassOptions
  private let observer: Observer?
  private var remainingRewrites: Int?

  package init(_ options: PassOptions = PassOptions(), observer: Observer? = nil) {
    self.options = options
    self.observer = observer
    remainingRewrites = options.stopAfterRewrites.map { max(0, $0) }
  }

  /// `model` after `passes`, verified once at the end, or after every pass with `verifyEach`; constants that no node
  /// declares any more are dropped.
  ///
  /// - Throws: What a pass refuses, or `PassError.broken` where a pass left an unsound graph.
  package mutating func run(_ passes: [any Pass], on model: Model) throws(PassError) -> Model {
    var network = PassNetwork(model)
    var result = model
    var unverified: (any Pass)?
    for pass in passes {
      if try run(pass, on: &network) > 0 { unverified = pass }
      if options.verifyEach, let pass = unverified {
        result = try verified(network, from: model, after: pass)
        unverified = nil
      }
      if let report = reports.last { observer?(.finished(report)) }
      if options.printAfter.contains(pass.name) {
        observer?(.graphAfter(pass: pass.name, network.graph))
      }
    }
    if let pass = unverified { result = try verified(network, from: model, after: pass) }
    result.dropUndeclaredConstants()
    // Both were made for these shapes and layers; another graph has none.
    let isUnchanged = result.graph == model.graph
    if !isUnchanged { result.tunings = [] }
    result.packedConstants = isUnchanged ? result.validPackedConstants : []
    return result
  }

  /// Runs `pass` on `network`; returns the number of rewrites.
  private mutating func run(_ pass: any Pass, on network: inout PassNetwork) throws(PassError) -> Int {
    if options.printBefore.contains(pass.name) {
      observer?(.graphBefore(pass: pass.name, network.graph))
    }
    let before = options.reportsNetworks ? network : nil
    let start = MonotonicClock.nanoseconds()
    var context = PassContext(network, passName: pass.name, remainingRewrites: remainingRewrites)
    try pass.run(&context)
    if context.rewriteCount > 0 {
      let parameters = pass.parameters(before: network.graph)
      network = PassNetwork(
        graph: context.rewriter.finish(), constants: context.constants, metadata: context.metadata)
      network.metadata.history.append(
        HistoryEntry(pass.name, parameters + [.init("rewrites", "\(context.rewriteCount)")]))
    }
    let nanoseconds = MonotonicClock.nanoseconds() - start
    remainingRewrites = context.remainingRewrites
    if let before, context.rewriteCount > 0 {
      observer?(.changed(pass: pass.name, before: before, after: network))
    }
    for note in context.notes where noted.insert(note).inserted { notes.append(note) }
    reports.append(
      PassReport(name: pass.name, rewrites: context.rewriteCount, milliseconds: Double(nanoseconds) / 1e6))
    return context.rewriteCount
  }

  /// The model that `network` is, with the tunings, packed constants and references of `source`.
  private func verified(
    _ network: PassNetwork, from source: Model, after pass: any Pass
  ) throws(PassError) -> Model {
    do {
      return try Model(
        graph: network.graph, constants: network.constants, metadata: network.metadata,
        tunings: source.tunings, packedConstants: source.packedConstants, references: source.references)
    } catch {
      throw .broken(pass: pass.name, error)
    }
  }
}
