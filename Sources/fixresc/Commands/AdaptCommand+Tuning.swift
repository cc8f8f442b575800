import FixresBase
import FixresIR
import FixresRuntime

/// `adapt --tune`: what the engine could choose, measured here and kept in the model.
struct KernelTuning {
  static let tune = Option(
    "--tune",
    "measure which kernels run each convolution fastest on this CPU, and keep the choices in the output")

  private let invocation: Invocation
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  /// Tunes `model` where that is asked for, and says what it gained.
  func apply(to model: inout Model) throws -> JSON {
    guard invocation.has(Self.tune) else { return .null }
    guard let tuner = try Tuner(model, options: ModelSource.sessionOptions(invocation)) else {
      console.note(
        "fixresc: note: nothing to tune: this machine runs portable kernels, which leave no choice")
      return .null
    }
    var bar = Progress("tuning", total: 1, on: console)
    let outcome = try tuner.run { bar.update($0, of: $1) }
    bar.finish()
    let tuning = outcome.tuning
    model.tunings.removeAll {
      $0.processor == tuning.processor && $0.instructionSet == tuning.instructionSet
    }
    if !tuning.choices.isEmpty {
      model.tunings.append(tuning)
      model.metadata.history.append(
        HistoryEntry(
          "tune",
          [
            .init("processor", tuning.processor), .init("instruction_set", tuning.instructionSet),
            .init("layers", "\(tuning.choices.count)"),
          ]))
    }
    report(outcome)
    return object(outcome)
  }

  private func report(_ outcome: Tuner.Outcome) {
    let tuning = outcome.tuning
    let kinds = Text.count(outcome.kinds, "kind")
    guard !outcome.changes.isEmpty else {
      console.line("tuned          nothing beats the cost model's choices for \(kinds) of convolution")
      return
    }
    var table = Table(
      [.left, .right, .left, .left, .right], header: ["tuned", "layers", "was", "now", "time"])
    for change in outcome.changes {
      table.add([
        change.layers[0], Text.grouped(change.layers.count), change.from, change.to,
        "x " + Text.fixed(change.ratio, 3),
      ])
    }
    console.lines(table.lines())
    let figures = outcome.comparisons.map {
      "\(Text.fixed($0.before, 2)) -> \(Text.fixed($0.after, 2)) ms (x \(Text.fixed($0.ratio, 3))) on "
        + Text.count($0.threads, "thread")
    }
    console.line("whole model    \(figures.joined(separator: ", ")) (medians, in turn)")
    if let one = outcome.comparisons.first, outcome.comparisons.contains(where: { $0.before > one.before }) {
      console.warn("more threads were slower than one: this machine is busy, tune when it is quiet")
    }
    console.line(
      outcome.isKept
        ? "tuned          \(outcome.changes.count) of \(kinds) of convolution for \(tuning.instructionSet) here"
        : "tuned          nothing: the whole model came out no faster")
  }

  private func object(_ outcome: Tuner.Outcome) -> JSON {
    [
      "processor": .string(outcome.tuning.processor),
      "instruction_set": .string(outcome.tuning.instructionSet), "kept": JSON(outcome.isKept),
      "kinds": JSON(outcome.kinds),
      "changes": .array(
        outcome.changes.map {
          [
            "layers": JSON($0.layers), "from": .string($0.from), "to": .string($0.to),
            "ratio": JSON($0.ratio),
          ]
        }),
      "milliseconds": .array(
        outcome.comparisons.map {
          [
            "threads": JSON($0.threads), "before": JSON($0.before), "after": JSON($0.after),
            "ratio": JSON($0.ratio),
          ]
        }),
    ]
  }
}
