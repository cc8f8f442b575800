import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Class folders that are misspelt, fewer than the classes, or called by numbers: an error or the right figure.
@Suite struct ClassFolderTests {
  let folder: TemporaryFolder
  let pictures: PictureFolder
  let model: String
  var data: String { pictures.folder.path }

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 3, perClass: 5)
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 16, classes: 3), to: model)
  }

  /// A copy of the data whose class folders are links of these names, and a model of `classes` classes beside it.
  private func renamed(_ names: [String], classes: Int, labels: [String] = []) throws -> (
    data: String, model: String
  ) {
    let place = folder.makeFolder("d\(folder.names.count)")
    for (index, name) in names.enumerated() { symlink(data + "/class \(index % 3)", place + "/" + name) }
    var model = try SmallModel.residual(side: 16, classes: classes)
    model.metadata.labels = labels
    let path = place + ".bin"
    try ModelFile.write(model, to: path)
    return (place, path)
  }

  private static let commands = [
    ["eval"], ["sweep", "--resolutions", "16"], ["finetune", "--to", "24", "-o", "/dev/null"],
  ]

  @Test(arguments: commands) func aMisspeltFolderIsNamed(_ command: [String]) throws {
    rename(data + "/class 1", data + "/clas 1")
    let call = Call([command[0], model, data] + command.dropFirst() + ["--json"])
    #expect(call.status == 1 && call.json["error"]?["kind"] == "eval.unknown-folders", "\(call.error)")
    #expect(call.error.contains("`clas 1` (did you mean `class 1`?)"), "\(call.error)")
    #expect(call.json["error"]?["unknown"] == JSON(["clas 1"]))
  }

  @Test(arguments: commands) func fewerFoldersThanClassesWithoutNames(_ command: [String]) throws {
    let (data, model) = try renamed(["n01440764", "n02102040", "n02979186"], classes: 12)
    let call = Call([command[0], model, data] + command.dropFirst())
    #expect(call.status == 1, "\(call.error)")
    #expect(call.error.contains("or 12 in the order of their names, found 3"), "\(call.error)")
    #expect(call.error.contains("--classes FILE"))
  }

  @Test(arguments: commands) func foldersZeroToEleven(_ command: [String]) throws {
    let (data, model) = try renamed((0..<12).map(String.init), classes: 12)
    let call = Call([command[0], model, data] + command.dropFirst())
    #expect(call.status == 1 && call.error.contains("byte-wise order"), "\(call.error)")
    #expect(call.error.contains("--classes numbers") && call.error.contains("--classes sorted"))
  }

  @Test func statedOrdersGiveTheirFigures() throws {
    let names = (0..<12).map(String.init)
    let (data, model) = try renamed(names, classes: 12)
    let table = folder.path + "/table.txt"
    for (order, logits) in [("sorted", Array(0..<12)), ("numbers", names.sorted().compactMap { Int($0) })] {
      let stated = Call("eval", model, data, "--classes", order, "--json")
      #expect(stated.status == 0, "\(stated.error)")
      let lines = zip(names.sorted(), logits).map { "\($0) \($1)" }
      // A row of numbers could be read either way round; the name of another folder settles it.
      try AtomicFileWriter.write(
        Array(
          ("{"
            + lines.map { "\"\($0.split(separator: " ")[0])\": \($0.split(separator: " ")[1])" }.joined(
              separator: ",") + "}").utf8), to: table)
      let listed = Call("eval", model, data, "--classes", table, "--json")
      #expect(listed.status == 0 && listed.json["loss"] == stated.json["loss"], "\(listed.error)")
      #expect(listed.json["classes_by"] == "file")
    }
    let two = ["sorted", "numbers"].map { Call("eval", model, data, "--classes", $0, "--json").json["loss"] }
    #expect(two[0] != two[1], "the orders differ")
    #expect(Call("eval", model, data, "--classes", "sorted", "--classes", "numbers").status == 2)
    #expect(Call("eval", model, data, "--classes", folder.path + "/none").status == 1)
  }

  @Test func aSubsetCompetesAloneWhereThatIsAsked() throws {
    let labels = (0..<6).map { "kind \($0)" }
    let (data, model) = try renamed(["kind 1", "kind 4"], classes: 6, labels: labels)
    let whole = Call("eval", model, data, "--json")
    #expect(whole.status == 0 && whole.json["competing"] == 6 && whole.json["folders"] == 2)
    let text = Call("eval", model, data)
    #expect(
      text.error.contains("2 folders for 6 classes, which all compete; --classes subset"), "\(text.error)")
    let subset = Call("eval", model, data, "--classes", "subset", "--json")
    #expect(subset.status == 0 && subset.json["competing"] == 2, "\(subset.error)")
    for key in ["top1", "top5", "loss"] {
      #expect(subset.json["over_all_logits"]?[key] == whole.json[key], "\(key)")
    }
    #expect((subset.json["loss"]?.doubleValue ?? 9) < (whole.json["loss"]?.doubleValue ?? 0))
    #expect(subset.json["top5"]?.doubleValue == 1)
    #expect(Call("eval", model, data, "--classes", "subset").output.contains("of 6 compete"))
    let swept = Call("sweep", model, data, "--resolutions", "16", "--classes", "subset", "--json")
    #expect(swept.json["rows"]?[0]?["loss"] == subset.json["loss"] && swept.json["competing"] == 2)
    // The same by hand: logits of the two classes alone.
    let file = folder.path + "/l.npy"
    #expect(Call("run", model, data + "/kind 1", data + "/kind 4", "--save-logits", file).status == 0)
    let rows = try Npy.read(MappedFile.open(file)).floats()
    let right = (0..<10).count { index in
      let (a, b) = (rows[index * 6 + 1], rows[index * 6 + 4])
      return index < 5 ? a >= b : b > a
    }
    #expect(subset.json["top1"]?.doubleValue == Double(right) / 10)
  }

  @Test func oneLogitIsASigmoid() throws {
    let (data, model) = try renamed(["0_real", "1_fake"], classes: 1)
    let file = folder.path + "/l.npy"
    let run = Call("run", model, data + "/0_real", data + "/1_fake", "--save-logits", file, "--json")
    let logits = try Npy.read(MappedFile.open(file)).floats()
    var (right, loss) = (0, 0.0)
    for (index, logit) in logits.enumerated() {
      let probability = 1 / (1 + exp(-Double(logit)))
      let shown = run.json["results"]?[index]?["classes"]?[0]?["probability"]?.doubleValue ?? -1
      #expect(abs(shown - probability) < 1e-12)
      right += (probability > 0.5) == (index >= 5) ? 1 : 0
      loss -= log(index >= 5 ? probability : 1 - probability) / 10
    }
    for command in [["eval", model, data], ["sweep", model, data, "--resolutions", "16"]] {
      let call = Call(command + ["--json"])
      let row = command[0] == "eval" ? call.json : call.json["rows"]?[0] ?? .null
      #expect(row["top1"]?.doubleValue == Double(right) / 10, "\(call.error)")
      #expect(abs((row["loss"]?.doubleValue ?? 0) - loss) < 1e-5)
      #expect(call.error.contains("`1_fake` is class 1"), "\(call.error)")
    }
    #expect(Call("stats", model, data, "--resolutions", "16").status == 0)
    let tuned = Call("finetune", model, data, "--to", "24", "-o", "/dev/null")
    #expect(tuned.status == 1 && tuned.error.contains("single logit") && tuned.error.contains("--new-head"))
    let out = folder.path + "/two.bin"
    #expect(Call("finetune", model, data, "--to", "24", "-o", out, "--new-head", "--epochs", "1").status == 0)
    #expect(try ModelFile.open(out).classCount == 2)
  }

  @Test func sigmoidsAreShownForEachClass() throws {
    var multi = try SmallModel.residual(side: 16, classes: 3)
    multi.metadata.outputs = .sigmoid
    try ModelFile.write(multi, to: model)
    let file = folder.path + "/l.npy"
    let run = Call("run", model, data + "/class 0/picture 00.ppm", "--save-logits", file, "--json")
    let logits = try Npy.read(MappedFile.open(file)).floats()
    for entry in run.json["results"]?[0]?["classes"]?.arrayValue ?? [] {
      let logit = logits[Int(entry["index"]?.integerValue ?? 0)]
      #expect(abs((entry["probability"]?.doubleValue ?? 0) - 1 / (1 + exp(-Double(logit)))) < 1e-12)
    }
    #expect(Call("finetune", model, data, "--to", "24", "-o", "/dev/null").error.contains("read by sigmoids"))
  }
}
