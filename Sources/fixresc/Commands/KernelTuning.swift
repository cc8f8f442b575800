import FixresBase
import FixresRuntime

/// `adapt --tune`: the option, and what is printed of it.
struct KernelTuning {
  static let tune = Option(
    "--tune",
    "measure which kernels run each convolution fastest on this CPU, and keep the choices in the output")

  private let console: Console

  init(_ console: Console) { self.console = console }

  /// `outcome` is nil where there was nothing to tune.
  func show(_ outcome: Tuner.Outcome?) {
    guard let outcome else {
      console.note(
        "fixresc: note: nothing to tune: this machine runs portable kernels, which leave no choice")
      return
    }
    report(outcome)
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

  static func object(_ outcome: Tuner.Outcome) -> JSON {
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
