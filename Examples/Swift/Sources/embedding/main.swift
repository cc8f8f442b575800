import FixresRuntime

// Classifies pictures with a `.bin` model: `embedding MODEL.bin PICTURE...`.
let classifier = try await Classifier(CommandLine.arguments[1])
for path in CommandLine.arguments.dropFirst(2) {
  do {
    let best = try await classifier.classify(.file(path)).top(3)
    print("\(path):", best.map { "\($0.label) (\($0.probability))" }.joined(separator: ", "))
  } catch {
    print("\(path): \(error)")
  }
}
