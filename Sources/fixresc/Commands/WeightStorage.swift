import FixresBase
import FixresMethod

/// `adapt --pack`: the option, and what is printed of it.
struct WeightStorage {
  static let pack = Option(
    "--pack",
    "also keep the weights as this machine's kernels read them: opening maps them instead of packing them; the "
      + "output is two to three and a half times as large")

  private let console: Console

  init(_ console: Console) { self.console = console }

  func showDropped(_ count: Int) {
    console.note(
      "fixresc: note: dropped \(Text.count(count, "packed tensor")) of the input, which fit it no longer; "
        + "--pack packs anew")
  }

  /// `summary` is nil where there was nothing to pack.
  func show(_ summary: PackedSummary?) {
    guard let summary else {
      console.note(
        "fixresc: note: nothing to pack: this machine runs portable kernels, whose weights are packed as they open"
      )
      return
    }
    console.line(
      "packed         \(Text.count(summary.tensorCount, "tensor")) for \(summary.instructionSet), "
        + Text.bytes(summary.byteCount))
  }

  static func object(_ summary: PackedSummary) -> JSON {
    [
      "instruction_set": .string(summary.instructionSet), "tensors": JSON(summary.tensorCount),
      "bytes": JSON(summary.byteCount),
    ]
  }
}
