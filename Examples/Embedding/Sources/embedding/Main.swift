import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Classifies one picture with a `.bin` model: `embedding MODEL.bin PICTURE`.
@main
enum Main {
  static func main() {
    guard CommandLine.arguments.count == 3 else {
      print("usage: embedding MODEL.bin PICTURE")
      exit(2)
    }
    do {
      print(try classify(CommandLine.arguments[2], with: CommandLine.arguments[1]))
    } catch {
      print("embedding: \(error)")
      exit(1)
    }
  }

  static func classify(_ path: String, with modelPath: String) throws -> String {
    let model = try ModelFile.open(modelPath)
    let session = try Session(model: model)

    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
    let picture = try preprocessor.picture(from: FileContents.read(path))
    let output = try session.run(preprocessor.input(from: picture))

    let best = output.logits.indices.max { output.logits[$0] < output.logits[$1] } ?? 0
    let label = model.metadata.labels.indices.contains(best) ? model.metadata.labels[best] : "class \(best)"
    return "\(label) (logit \(output.logits[best]))"
  }
}
