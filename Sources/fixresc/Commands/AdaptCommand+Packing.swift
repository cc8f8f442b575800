import FixresBase
import FixresIR
import FixresRuntime

/// `adapt --pack`: weights kept in the output as the kernels of this machine read them, beside the plain ones.
struct WeightStorage {
  static let pack = Option(
    "--pack",
    "also keep the weights as this machine's kernels read them: opening maps them instead of packing them; the "
      + "output is two to three and a half times as large")

  private let invocation: Invocation
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  /// Packs `model`'s weights where that is asked for, and says how many there are; else keeps those that `source` came
  /// with as long as the same kernels read them.
  func apply(to model: inout Model, source: Model) throws -> JSON {
    guard invocation.has(Self.pack) else {
      if model.tunings != source.tunings { model.packedConstants = [] }
      let dropped = source.packedConstants.count - model.packedConstants.count
      if dropped > 0 {
        console.note(
          "fixresc: note: dropped \(Text.count(dropped, "packed tensor")) of the input, which fit it no longer; "
            + "--pack packs anew")
      }
      return .null
    }
    let session = try ModelSource.session(model, invocation)
    let packed = session.packedConstants(of: model)
    guard !packed.isEmpty else {
      console.note(
        "fixresc: note: nothing to pack: this machine runs portable kernels, whose weights are packed as they open"
      )
      return .null
    }
    model.packedConstants = packed
    let byteCount = packed.reduce(0) { $0 + $1.byteCount }
    let name = session.plan.backend
    model.metadata.history.append(
      HistoryEntry("pack", [.init("instruction_set", name), .init("tensors", "\(packed.count)")]))
    console.line(
      "packed         \(Text.count(packed.count, "tensor")) for \(name), \(Text.bytes(byteCount))")
    return [
      "instruction_set": .string(name), "tensors": JSON(packed.count), "bytes": JSON(byteCount),
    ]
  }
}
