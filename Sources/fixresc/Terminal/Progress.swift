import FixresBase

/// A progress bar with the time left; silent unless stderr is a terminal.
package struct Progress {
  private let console: Console
  private let label: String
  private var total: Int
  private let start = MonotonicClock.nanoseconds()
  private var lastDrawn: UInt64 = 0

  /// A bar for `total` pieces of the work that `label` names.
  package init(_ label: String, total: Int, on console: Console) {
    self.console = console
    self.label = label
    self.total = total
  }

  /// Shows that `done` pieces are done; draws ten times a second at most.
  package mutating func update(_ done: Int, of newTotal: Int? = nil) {
    total = newTotal ?? total
    let width = console.progressWidth
    guard width != nil || console.observer != nil else { return }
    let now = MonotonicClock.nanoseconds()
    guard now - lastDrawn > 100_000_000 else { return }
    lastDrawn = now
    console.observer?(label, done, total)
    guard let width else { return }
    let seconds = Double(now - start) / 1e9
    console.showProgress(Progress.bar(label, done, of: total, after: seconds, width: width))
  }

  /// Removes the bar.
  package func finish() { console.clearProgress() }

  /// The text of a bar `width` columns wide.
  package static func bar(_ label: String, _ done: Int, of total: Int, after seconds: Double, width: Int)
    -> String
  {
    let share = total > 0 ? min(1, Double(done) / Double(total)) : 0
    let left =
      done > 0 ? Text.duration(seconds: seconds * Double(max(0, total - done)) / Double(done)) : "-:--"
    let figures = " \(Text.grouped(done))/\(Text.grouped(total))  \(Int(share * 100)) %  ETA \(left)"
    let room = min(30, width - 1 - label.count - figures.count - 3)
    guard room >= 5 else { return String((label + figures).prefix(max(0, width - 1))) }
    let filled = Int(share * Double(room))
    return label + " [" + String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled)
      + "]"
      + figures
  }
}
