import FixresRuntime

/// Classifies many pictures by tasks that share one classifier: `batching MODEL.bin PICTURE...`.
///
/// The classifier runs what waits at the same time together, pictures side by side, so that nobody has to make batches.
@main
enum Main {
  /// Pictures asked for at a time: enough that the classifier's threads never wait, few enough that memory is bounded.
  static let inFlight = 64

  static func main() async throws {
    let paths = Array(CommandLine.arguments.dropFirst(2))
    let classifier = try await Classifier(CommandLine.arguments[1])
    var answers = [String](repeating: "", count: paths.count)
    await withTaskGroup(of: (Int, String).self) { group in
      for index in paths.indices {
        if index >= inFlight, let (done, answer) = await group.next() { answers[done] = answer }
        group.addTask { (index, await answer(paths[index], classifier)) }
      }
      for await (done, answer) in group { answers[done] = answer }
    }
    for (path, answer) in zip(paths, answers) { print("\(path): \(answer)") }
  }

  static func answer(_ path: String, _ classifier: Classifier) async -> String {
    do {
      let best = try await classifier.classify(.file(path)).top(1)
      return best.map { "\($0.label), probability \($0.probability)" }.joined()
    } catch {
      return error.description
    }
  }
}
