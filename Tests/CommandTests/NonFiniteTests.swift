import FixresBase
import FixresIR
import FixresMethod
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// Weights and inputs that are not finite, or make numbers that are not.
@Suite struct NonFiniteTests {
  private let folder: TemporaryFolder
  private let pictures: PictureFolder
  private let sound: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 5, perClass: 2)
    sound = folder.path + "/sound.bin"
    try ModelFile.write(try SmallModel.residual(), to: sound)
  }

  /// The small network with all elements of the constant `name` being `value`.
  private func model(_ name: String, _ value: Float) throws -> String {
    let model = try SmallModel.residual()
    var constants = model.constants
    let shape = try #require(constants[name]).shape
    constants[name] = Tensor(shape: shape, [Float](repeating: value, count: shape.reduce(1, *)))
    let path = folder.path + "/faulty.bin"
    try ModelFile.write(
      try Model(graph: model.graph, constants: constants, metadata: model.metadata), to: path)
    return path
  }

  /// Command lines that run the network in `path`.
  private func lines(_ path: String) -> [[String]] {
    let data = pictures.folder.path
    return [
      ["run", path, data], ["run", path, data + "/class 0/picture 00.ppm"], ["eval", path, data],
      ["sweep", path, data, "--resolutions", "32"], ["stats", path, data, "--resolutions", "32"],
      ["compare", path, sound], ["compare", sound, path], ["adapt", path, "-o", folder.path + "/out.bin"],
      ["finetune", path, data, "--to", "32", "--epochs", "1", "-o", folder.path + "/out.bin"],
      ["adapt", path, "--bn-statistics", data, "-o", folder.path + "/out.bin"],
    ]
  }

  @Test(
    "row 14: weights that overflow or hold NaN end in an error that names the layer",
    arguments: [
      ("fc.weight", Float.greatestFiniteMagnitude, "fc"), ("conv1.weight", 3e38, "conv1"),
      ("bn1.weight", 3e38, "bn1 conv1"), ("layer1.0.conv2.weight", .nan, "layer1.0.conv2"),
      ("fc.bias", .infinity, "fc"),
      ("bn1.running_var", -1, "bn1"), ("bn1.bias", .nan, "bn1"),
    ])
  func overflowIsNamed(_ tensor: String, _ value: Float, _ named: String) throws {
    let path = try model(tensor, value)
    for words in lines(path) {
      let call = Call(words)
      #expect(call.status == 1, "\(words): \(call.output)")
      #expect(
        named.split(separator: " ").contains(where: call.error.contains) && call.faultsOfError.isEmpty,
        "\(words): \(call.error)")
      #expect(!folder.names.contains("out.bin"))
      let json = Call(words + ["--json"])
      #expect(json.status == 1 && json.json != .null, "\(words)")
      #expect(!json.output.contains("nan") && !json.output.contains(":inf"))
    }
  }

  @Test(
    "row 14: gamma 0 and tiny variances run, and give finite numbers",
    arguments: [
      ("bn1.weight", Float(0)), ("bn1.running_var", 1e-30), ("bn1.running_var", 0),
    ]) func oddButLegalWeightsRun(_ tensor: String, _ value: Float) throws
  {
    let path = try model(tensor, value)
    for words in lines(path).dropLast(2) {
      let call = Call(words)
      #expect(call.status == 0, "\(words): \(call.error)")
      #expect(!call.output.contains("nan"))
    }
  }

  @Test("row 14: an input that is not finite is named", arguments: [Float.nan, .infinity])
  func inputsAreNamed(_ value: Float) throws {
    var input = [Float](repeating: 0, count: 3 * 32 * 32)
    input[1500] = value
    let path = folder.path + "/in.npy"
    try Npy.write(input, shape: [1, 3, 32, 32], to: path)
    for words in [["run", sound, path], ["compare", sound, sound, "--input", path]] {
      let call = Call(words)
      #expect(call.status == 1 && call.error.contains("element 1500"), "\(words): \(call.error)")
    }
  }

  @Test("row 14: the search tells a tensor, a layer and the input apart")
  func originsAreToldApart() throws {
    let good = [Float](repeating: 0.5, count: 3 * 32 * 32)
    let nan = try ModelFile.open(model("layer1.0.conv2.weight", .nan))
    #expect(
      NonFiniteSearch.origin(in: nan, of: good)
        == .constant(name: "layer1.0.conv2.weight", index: 0, layer: "layer1.0.conv2"))
    let large = try ModelFile.open(model("fc.weight", .greatestFiniteMagnitude))
    #expect(
      NonFiniteSearch.origin(in: large, of: good)
        == .layer(name: "fc", operation: "linear", weights: "fc.weight"))
    #expect(NonFiniteSearch.origin(in: try SmallModel.residual(), of: good) == .unknown)
  }
}
