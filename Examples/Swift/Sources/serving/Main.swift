import FixresRuntime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Answers on stdout what is asked on stdin, until stdin ends: `serving MODEL.bin`.
///
/// Each line names a picture; the answer is one line of JSON, in the order of the questions: `{"path": ..., "classes":
/// [{"label": ..., "probability": ...}, ...]}`, or `{"path": ..., "error": ...}` for a picture that cannot be read.
@main
enum Main {
  static func main() async {
    let words = CommandLine.arguments
    guard words.count == 2 else {
      print("usage: serving MODEL.bin")
      exit(2)
    }
    do {
      let classifier = try await Classifier(words[1])
      while let path = readLine() {
        print(await answer(path, classifier).serialized())
        // Whoever asks waits for the answer.
        fflush(nil)
      }
    } catch {
      print("serving: \(error)")
      exit(1)
    }
  }

  static func answer(_ path: String, _ classifier: Classifier) async -> JSON {
    do {
      let classes = try await classifier.classify(.file(path)).top(3)
      return [
        "path": JSON(path),
        "classes": .array(classes.map { ["label": JSON($0.label), "probability": JSON($0.probability)] }),
      ]
    } catch {
      return ["path": JSON(path), "error": JSON(error.description)]
    }
  }
}
