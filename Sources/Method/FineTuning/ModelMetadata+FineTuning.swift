import FixresIR

extension ModelMetadata {
  /// The file whose fine-tuned parameters were taken last, after any fine-tuning; nil where there is none.
  package var overlaidFile: String? {
    guard let entry = history.last(where: { $0.action == "finetune" || $0.action == "finetuned" }),
      entry.action == "finetuned"
    else { return nil }
    return entry.parameters.first { $0.name == "file" }?.value
  }

  /// The resolution of the last fine-tuning; nil where the history has none.
  package var fineTunedResolution: Extent? {
    guard let entry = history.last(where: { $0.action == "finetune" }),
      let text = entry.parameters.first(where: { $0.name == "resolution" })?.value
    else { return nil }
    let sides = text.split(separator: "x").compactMap { Int($0) }
    switch sides.count {
    case 1: return Extent(square: sides[0])
    case 2: return Extent(sides[0], sides[1])
    default: return nil
    }
  }
}
