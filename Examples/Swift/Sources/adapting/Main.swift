import FixresCompiler

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Adapts a `.bin` model to a test resolution: `adapting MODEL.bin SIDE OUTPUT.bin` writes the bytes that
/// `fixresc adapt MODEL.bin --to SIDE -o OUTPUT.bin` writes.
@main
enum Main {
  static func main() {
    let words = CommandLine.arguments
    guard words.count == 4, let side = Int(words[2]) else {
      print("usage: adapting MODEL.bin SIDE OUTPUT.bin")
      exit(2)
    }
    do {
      print(try adapt(words[1], to: side, output: words[3]))
    } catch {
      print("adapting: \(error)")
      exit(1)
    }
  }

  static func adapt(_ path: String, to side: Int, output: String) throws -> String {
    var options = AdaptationOptions()
    options.resolution = Extent(square: side)
    let adapted = try Adaptation(ModelFile.open(path), options: options).run()
    try ModelFile.write(adapted.model, to: output)

    let proof = adapted.proof.map { "\($0.deviation.difference) of \($0.deviation.magnitude)" } ?? "none"
    return "\(adapted.macsBefore) -> \(adapted.macsAfter) MACs, greatest difference of a logit: \(proof)"
  }
}
