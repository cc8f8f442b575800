import FixresBase

extension Suggestion {
  /// The option among `candidates` that `word` was meant to be, also where another tool calls it so.
  package static func option(nearest word: String, among candidates: [String]) -> String? {
    if let synonym = synonyms[word], candidates.contains(synonym) { return synonym }
    return nearest(to: word, among: candidates)
  }

  /// What other tools call an option, and what it is called here.
  private static let synonyms = [
    "--crop-pct": "--crop-share", "--crop_pct": "--crop-share", "--interpolation": "--filter",
    "--resample": "--filter", "--resize": "--resize-side", "--resize-size": "--resize-side",
    "--val-resize-size": "--resize-side", "--crop-mode": "--preprocess", "--resize-rule": "--preprocess",
    "--bgr": "--channel-order", "--rescale": "--input-scale", "--rescale-factor": "--input-scale",
    "--img-size": "--resolution", "--input-size": "--train-resolution",
  ]
}
