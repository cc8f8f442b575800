import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// Classifies one picture with a `.bin` model: `embedding MODEL.bin PICTURE`.
@main
enum Main {
  static func main() throws {
    guard CommandLine.arguments.count == 3 else {
      print("usage: embedding MODEL.bin PICTURE")
      return
    }
    let model = try ModelFile.open(CommandLine.arguments[1])
    let session = try Session(model: model)

    let preprocessor = try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
    let picture = try preprocessor.picture(from: MappedFile.open(CommandLine.arguments[2]))
    let output = try session.run(preprocessor.input(from: picture))

    let best = output.logits.indices.max { output.logits[$0] < output.logits[$1] } ?? 0
    let label = model.metadata.labels.indices.contains(best) ? model.metadata.labels[best] : "class \(best)"
    print("\(label) (logit \(output.logits[best]))")
  }
}
