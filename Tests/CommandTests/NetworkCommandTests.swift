import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// Commands that run a network.
@Suite struct NetworkCommandTests {
  private let folder: TemporaryFolder
  private let pictures: PictureFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 5, perClass: 3)
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(), to: model)
  }

  private func npy(_ name: String) throws -> NpyArray {
    try Npy.read(try MappedFile.open(folder.path + "/" + name))
  }

  @Test func runClassifiesAndSaves() throws {
    let first = pictures.folder.path + "/class 0/picture 00.ppm"
    let call = Call(
      "run", model, first, pictures.folder.path + "/class 1", "--json", "--top", "2",
      "--save-pixels", folder.path + "/p.npy", "--save-input", folder.path + "/i.npy",
      "--save-logits", folder.path + "/l.npy", "--save-features", folder.path + "/f.npy")
    #expect(call.status == 0, "\(call.error)")
    let results = call.json["results"]?.arrayValue ?? []
    #expect(results.count == 4 && results[0]["input"] == .string(first))
    #expect(results[3]["input"]?.stringValue?.hasSuffix("class 1/picture 02.ppm") == true)
    let classes = results[0]["classes"]?.arrayValue ?? []
    #expect(classes.count == 2 && classes[0]["label"]?.stringValue?.hasPrefix("class ") == true)
    #expect((classes[0]["probability"]?.doubleValue ?? 0) >= (classes[1]["probability"]?.doubleValue ?? 1))

    #expect(try npy("p.npy").shape == [4, 32, 32, 3] && (try npy("p.npy").element) == .uint8)
    #expect(try npy("i.npy").shape == [4, 3, 32, 32])
    #expect(try npy("l.npy").shape == [4, 5] && (try npy("f.npy").shape) == [4, 8])
    let preprocessor = try Preprocessor(.imageNet, size: Extent(square: 32))
    let picture = try preprocessor.picture(from: try MappedFile.open(first))
    #expect(Array(try #require(try npy("p.npy").uint8s()).prefix(3072)) == picture.rgb)
    #expect(Array(try npy("i.npy").floats().prefix(3072)) == preprocessor.input(from: picture))
    let output = try Session(model: try ModelFile.open(model)).run(preprocessor.input(from: picture))
    #expect(Array(try npy("l.npy").floats().prefix(5)) == output.logits)
    #expect(Array(try npy("f.npy").floats().prefix(8)) == output.features)

    // The saved input, read back as a tensor, gives the same logits.
    let again = Call("run", model, folder.path + "/i.npy", "--save-logits", folder.path + "/l2.npy", "--json")
    #expect(again.json["results"]?[2]?["input"]?.stringValue?.hasSuffix("i.npy[2]") == true)
    #expect(try npy("l2.npy").floats() == (try npy("l.npy").floats()))
  }

  @Test func runPrintsForPeople() {
    let call = Call("run", model, pictures.folder.path, "--top", "1")
    #expect(call.status == 0)
    let lines = call.output.split(separator: "\n")
    #expect(lines.count == 30 && lines[1].hasPrefix("  ") && lines[1].contains(" %  class "))
  }

  @Test func runRefusesWhatItCannotRead() throws {
    let broken = folder.path + "/broken.ppm"
    try AtomicFileWriter.write(Array("P6 4 4 255\n12".utf8), to: broken)
    let saved = folder.path + "/l.npy"
    let call = Call("run", model, pictures.folder.path + "/class 0", broken, "--save-logits", saved)
    #expect(call.status == 1 && call.error.contains("broken.ppm"))
    #expect(!folder.names.contains("l.npy"))
    try Npy.write([Float](repeating: 0, count: 12), shape: [1, 3, 2, 2], to: saved)
    let shape = Call("run", model, saved)
    #expect(shape.status == 1 && shape.error.contains("expected a tensor [N, 3, 32, 32], found [1, 3, 2, 2]"))
    #expect(Call("run", model, saved, "--save-pixels", "x.npy").status == 1)
    #expect(Call("run", model, folder.path + "/none.jpg").status == 1)
    let empty = folder.makeFolder("empty")
    #expect(Call("run", model, empty).error.contains("expected JPEG, PNG or PPM pictures"))
  }

  /// A format without a decoder and a damaged picture in a class folder: the rest counts.
  @Test func picturesThatCannotBeTakenAreNamed() throws {
    let data = pictures.folder.path
    let webp = data + "/class 1/w.webp"
    try AtomicFileWriter.write(Array("RIFF\0\0\0\0WEBPVP8 ".utf8), to: webp)
    try AtomicFileWriter.write(Array("GIF89a".utf8), to: data + "/class 2/g.gif")
    for words in [
      ["eval", model, data], ["run", model, data], ["stats", model, data, "--resolutions", "32"],
    ] {
      let call = Call(words + ["--json"])
      #expect(call.status == 1, "\(words[0]): \(call.error)")
      let failures = call.json["failures"]?.arrayValue ?? []
      #expect(failures.count == 1 && failures[0]["input"] == .string(webp), "\(call.output)")
      #expect(
        call.error.contains("1 picture of formats without a decoder (WebP 1)")
          && call.error.contains("w.webp"))
      #expect(call.error.contains("left out 1 picture of other kinds than ImageFolder's (.gif 1)"))
    }
    #expect(Call("eval", model, data, "--json").json["images"] == 15)
    #expect(Call("run", model, data, "--json").json["results"]?.arrayValue?.count == 15)
    let all = Call("eval", model, data, "--json", "--all-pictures")
    #expect(all.status == 1 && all.json["failures"]?.arrayValue?.count == 2)
    // A GIF that is named itself is refused by name.
    #expect(Call("run", model, data + "/class 2/g.gif").error.contains("found GIF"))
    // Damage in a folder is skipped, and said; the exit status of `run` says that a result is missing.
    try AtomicFileWriter.write(Array("P6 4 4 255\n12".utf8), to: data + "/class 3/broken.ppm")
    let run = Call("run", model, data + "/class 3", "--save-logits", folder.path + "/some.npy", "--json")
    #expect(run.status == 1 && run.json["results"]?.arrayValue?.count == 3)
    #expect(try npy("some.npy").shape == [3, 5])
  }

  @Test func evalCountsAndMatches() throws {
    let call = Call("eval", model, pictures.folder.path, "--json", "--resolution", "40")
    #expect(call.status == 0, "\(call.error)")
    #expect(call.json["images"] == 15 && call.json["failed"] == 0 && call.json["classes_by"] == "labels")
    for key in ["top1", "top5", "loss", "images_per_second"] {
      #expect(call.json[key]?.doubleValue != nil, "\(key)")
    }
    #expect(call.json["top5"]?.doubleValue == 1)
    #expect(Call("eval", model, pictures.folder.path, "--json", "--limit", "5").json["images"] == 5)
    #expect(Call("eval", model, pictures.folder.path, "--resolution", "0").status == 1)
    #expect(Call("eval", model, folder.path).status == 1)
  }

  @Test func compareFindsTheFirstDeparture() throws {
    let fused = folder.path + "/fused.bin"
    #expect(Call("adapt", model, "-o", fused).status == 0)
    let call = Call("compare", model, fused, "--json")
    #expect(call.json["first_departure"] == .null && call.json["tolerance"] == 0.0001)
    let names = call.json["layers"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    #expect(names == ["relu", "layer1.0.relu1", "layer1.0.relu2", "avgpool", "flatten", "fc"])

    var other = try ModelFile.open(fused)
    let name = try #require(
      other.graph.constants.map { other.graph[$0].name }.first { $0.contains("layer1.0.conv2") })
    let weight = try #require(other.constants[name])
    try other.setConstant(name, to: Tensor(shape: weight.shape, weight.floats.map { $0 * 1.01 }))
    try ModelFile.write(other, to: fused)
    let departed = Call("compare", model, fused, "--json")
    #expect(departed.status == 0 && departed.json["first_departure"] == "layer1.0.relu2")
    #expect(departed.json["max_abs_difference"]?.doubleValue ?? 0 > 1e-3)
    #expect(Call("compare", model, fused, "--tolerance", "0.5").output.contains("no layer departs"))

    #expect(Call("adapt", model, "-o", fused, "--to", "48").status == 0)
    #expect(Call("compare", model, fused).error.contains("expected two models of one input"))
  }

  @Test func adaptProvesItsResult() throws {
    let output = folder.path + "/out.bin"
    let call = Call("adapt", model, "--to", "40", "-o", output, "--json")
    #expect(call.json["proof"]?["max_abs_difference"]?.doubleValue ?? 1 < 1e-4)
    #expect(Call("adapt", model, "--to", "40", "-o", output, "--json", "--no-proof").json["proof"] == .null)
    try AtomicFileWriter.write([7], to: output)
    let huge = Call("adapt", model, "--to", "32768", "-o", output)
    #expect(huge.status == 1 && huge.error.contains("the machine has"), "\(huge.error)")
    #expect(try MappedFile.open(output).array == [7])
  }

  @Test func benchAndDoctorKeepTheirKeys() {
    let bench = Call("bench", model, "--runs", "2", "--json", "--threads", "1").json
    for key in [
      "load_milliseconds", "first_run_milliseconds", "second_run_milliseconds", "gflops", "peak_gflops",
      "peak_resident_bytes",
    ] {
      #expect(bench[key]?.doubleValue ?? 0 > 0, "\(key)")
    }
    for key in ["min", "median", "p95"] { #expect(bench["milliseconds"]?[key]?.doubleValue ?? 0 > 0) }
    #expect(bench["batch"] == 1 && bench["threads"] == 1 && bench["isa"]?.stringValue != nil)
    #expect(bench["layers"]?[1]?["kernel"]?.stringValue?.isEmpty == false)
    let doctor = Call("doctor", "--json").json
    for key in ["isa", "reason", "thread_reason"] { #expect(doctor[key]?.stringValue?.isEmpty == false) }
    #expect(doctor["features"]?.arrayValue != nil && doctor["executable_memory"]?.boolValue != nil)
    #expect(doctor["threads"]?.integerValue ?? 0 > 0 && doctor["peak_gflops"]?.doubleValue ?? 0 > 0)
  }

  @Test func inspectShowsThePlan() {
    let call = Call("inspect", model, "--plan")
    #expect(call.output.hasPrefix("plan: ") && call.output.contains("layer1.0.conv2"))
    #expect(Call("inspect", model, "--plan", "--json").json["plan"]?.stringValue?.hasPrefix("plan: ") == true)
  }
}
