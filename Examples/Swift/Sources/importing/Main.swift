import FixresCompiler

/// Imports a checkpoint, adapts it with proof and runs it: `importing CHECKPOINT SIDE OUTPUT.bin PICTURE`.
@main
enum Main {
  static func main() async throws {
    let words = CommandLine.arguments
    let imported = try Import(words[1]).run()
    for sentence in imported.assumed { print("assumed: \(sentence)") }

    var options = AdaptationOptions()
    options.resolution = Int(words[2]).map { Extent(square: $0) }
    let adapted = try Adaptation(imported.model, options: options).run()
    if let proof = adapted.proof {
      print("proof: greatest difference \(proof.deviation.difference) of \(proof.deviation.magnitude)")
    }
    try ModelFile.write(adapted.model, to: words[3])

    let classifier = try await Classifier(words[3])
    for best in try await classifier.classify(.file(words[4])).top(3) { print(best.label, best.probability) }
  }
}
