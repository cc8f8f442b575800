import FixresBase

extension PlanFault: ReportedError {
  /// A fault of fixresc itself, caught before a wrong result.
  package var report: ErrorReport {
    let what =
      switch kind {
      case .bufferOutsideArena: "a buffer lies outside the arena"
      case .outsideBuffer: "code reaches outside its memory"
      case .outsideMap: "pixels outside the map are read"
      case .layout: "a map is read in another layout than it was written in"
      case .valueLost: "a value is read after its memory was written again"
      case .writesWhatItReads: "a step overwrites what it reads"
      case .operands: "steps and nodes do not agree"
      }
    return ErrorReport(
      "runtime.unsound-plan",
      "the plan for this graph is refused, a fault of fixresc: \(what) (%\(memory) at byte \(offset), "
        + "layer %\(layer) by \(kernel.isEmpty ? "no kernel" : kernel))",
      [
        "fault": .string(kind.rawValue), "layer": .string(layer), "kernel": .string(kernel),
        "memory": .string(memory), "offset": JSON(offset), "byte_count": JSON(byteCount),
        "overwritten_by": overwrittenBy.map { .string($0) } ?? .null,
      ])
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
