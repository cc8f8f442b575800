import FixresIR

extension ExecutionPlan {
  /// The machine code of the steps that compute the value `layer`, as `inspect --asm` shows it; nil where no step
  /// does.
  package func assembly(ofLayer layer: String) -> String? {
    let indices = steps.indices.filter { steps[$0].layer == layer }
    guard !indices.isEmpty else { return nil }
    var text = ""
    for index in indices {
      text += "; \(Self.shown(layer)): \(steps[index].kernel)\n"
      var seen: Set<ObjectIdentifier> = []
      let own = kernels[index].filter { seen.insert(ObjectIdentifier($0)).inserted }
      if own.isEmpty { text += "; compiled from Swift, nothing emitted\n" }
      for kernel in own { text += "; \(kernel.name)\n" + kernel.listing }
    }
    return text
  }

  /// The plan for people, as `inspect --plan` shows it: steps with their kernels, then where each buffer lies.
  package var text: String {
    var lines = [
      "plan: \(backend), \(steps.count) steps, arena \(arenaByteCount) bytes an image, "
        + "packed weights \(packedByteCount) bytes"
        + (mappedByteCount > 0 ? ", mapped from the model's file \(mappedByteCount) bytes" : "")
    ]
    let nameWidth = min(steps.reduce(0) { max($0, Self.shown($1.layer).count) }, 48)
    let kernelWidth = steps.reduce(0) { max($0, $1.kernel.count) }
    for (index, step) in steps.enumerated() {
      lines.append(
        Self.right("\(index)", 4) + "  " + Self.left(Self.shown(step.layer), nameWidth) + "  "
          + Self.left(step.kernel, kernelWidth) + "  "
          + Self.left(step.macs > 0 ? "\(step.macs) MACs" : "", step.chosenBy == nil ? 0 : 15)
          + (step.chosenBy.map { "  " + $0.rawValue } ?? "")
          + (step.refusal.map { "  portable: " + $0.reason } ?? ""))
    }
    lines.append("buffers: offset, bytes an image, first and last node")
    for buffer in buffers.filter({ $0.byteCount > 0 }).sorted(by: {
      ($0.offset, $0.firstStep) < ($1.offset, $1.firstStep)
    }) {
      lines.append(
        Self.right("\(buffer.offset)", 11) + Self.right("\(buffer.byteCount)", 11)
          + Self.right("\(buffer.firstStep)", 5) + Self.right("\(buffer.lastStep)", 5) + "  "
          + Self.shown(buffer.value))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A name on one line, quoted where it is not plain; a long one without its middle.
  private static func shown(_ name: String) -> String {
    let text = GraphPrinter.quoted(name)
    return text.utf8.count > 500 ? String(text.unicodeScalars.prefix(200)) + "..." : text
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
