import FixresRuntime

/// Classifies pictures with a `.bin` model: `embedding MODEL.bin PICTURE...`.
@main
enum Main {
  static func main() async throws {
    let classifier = try await Classifier(CommandLine.arguments[1])
    for path in CommandLine.arguments.dropFirst(2) {
      do {
        for best in try await classifier.classify(.file(path)).top(3) {
          print("\(path): \(best.label), probability \(best.probability)")
        }
      } catch {
        print("\(path): \(error)")
      }
    }
  }
}
