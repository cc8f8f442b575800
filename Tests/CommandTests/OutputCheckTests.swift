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

/// No output may be a file that the same command reads, or another output, whatever its path is spelt like.
@Suite struct OutputCheckTests {
  let folder: TemporaryFolder
  let pictures: PictureFolder
  let model: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 2, perClass: 2)
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 16, classes: 2), to: model)
  }

  var data: String { pictures.folder.path }
  var picture: String { data + "/class 0/picture 00.ppm" }

  private func bytes(_ path: String) -> [UInt8]? { (try? MappedFile.open(path))?.array }

  /// Expects `words` to be refused with both `paths` in the sentence, and every file to stay as it is.
  private func expectRefusal(_ words: [String], _ paths: [String], keeps: [String]) {
    let before = keeps.map(bytes)
    let call = Call(words + ["--json"])
    #expect(call.status == 2 && call.json["error"]?["kind"] == "usage.overwrite", "\(words): \(call.error)")
    for path in paths { #expect(call.error.contains("`\(path)`"), "\(words): \(call.error)") }
    #expect(keeps.map(bytes) == before, "\(words)")
  }

  // MARK: - Roles

  /// An option that takes a path has a kind with a role: `.text` would hide it from the check.
  @Test func everyPathHasARole() {
    let words = ["FILE", "DIR", "PATH", "PREFIX", "IN:OUT", "F.", ".html", ".npy", ".csv", ".json", ".bin"]
    for command in Tool.commands {
      for option in command.options where words.contains(where: option.placeholder.contains) {
        switch option.kind {
        case .file, .folder, .pair: break
        case .text where option.name == "--key": break  // a path inside the checkpoint
        default:
          Issue.record("\(command.name) \(option.name) \(option.placeholder): expected a kind with a role")
        }
      }
      for argument in command.arguments {
        switch argument.kind {
        case .file(.input), .file(.model), .folder(.input), .text: break
        default: Issue.record("\(command.name) \(argument.name): expected an input")
        }
      }
    }
  }

  /// Every output option of every command against every input of the same command: all are refused, none by itself.
  @Test("row 19: every output of every command is checked") func everyOutputOfEveryCommandIsChecked() throws {
    var checked = 0
    for command in Tool.commands {
      for output in command.options {
        guard case .file(.output(let suffixes)) = output.kind else { continue }
        for suffix in [""] + suffixes {
          for (index, argument) in command.arguments.enumerated() {
            let name = "\(command.name)-\(index)\(suffix)"
            let (input, isModel) = (folder.path + "/" + name, argument.kind == .file(.model))
            try AtomicFileWriter.write(isModel ? [1, 2, 3] : bytes(picture) ?? [], to: input)
            var words = command.arguments.enumerated().map {
              $0.offset == index ? input : $0.element.kind == .folder(.input) ? data : model
            }
            for option in command.options where option.isRequired && option.name != output.name {
              words += [option.name, option.name == "--format" ? "onnx" : "16"]
            }
            let value = String(input.dropLast(suffix.count))
            expectRefusal([command.name] + words + [output.name, value], [input], keeps: [input])
            checked += 1
          }
        }
      }
    }
    #expect(checked >= 12)
  }

  // MARK: - Identity

  @Test func aModelIsNotReplacedUnderAnotherName() throws {
    let link = folder.path + "/link.bin"
    let hard = folder.path + "/hard.bin"
    let inner = folder.makeFolder("inner")
    symlink("model.bin", link)
    #expect(makeLink(model, hard) == 0)
    symlink("..", inner + "/up")
    for path in [
      model, link, hard, folder.path + "/./model.bin", inner + "/../model.bin", inner + "/up/model.bin",
    ] {
      expectRefusal(["run", model, picture, "--save-logits", path], [path, model], keeps: [model])
      expectRefusal(
        ["sweep", model, data, "--resolutions", "16", "-o", path], [path, model], keeps: [model])
      expectRefusal(["export", model, "--format", "onnx", "-o", path], [path, model], keeps: [model])
      expectRefusal(["finetune", model, data, "--to", "24", "-o", path], [path, model], keeps: [model])
    }
    // The other way round: the model is the link.
    expectRefusal(["analyze", link, "-o", model], [model, link], keeps: [model])
  }

  @Test("row 19: outputs are different files") func outputsAreDifferentFiles() {
    let a = folder.path + "/a.npy"
    let inner = folder.makeFolder("inner")
    symlink("a.npy", folder.path + "/dangling.npy")
    symlink("..", inner + "/up")
    for other in [
      a, folder.path + "/./a.npy", folder.path + "/dangling.npy", inner + "/up/a.npy",
      inner + "/up/dangling.npy",
    ] {
      expectRefusal(
        ["run", model, picture, "--save-logits", a, "--save-features", other], [a, other], keeps: [a])
    }
    #expect(!folder.names.contains("a.npy"), "nothing was run")
    let done = Call("run", model, picture, "--save-logits", a, "--save-features", folder.path + "/b.npy")
    #expect(done.status == 0, "\(done.error)")
    // /dev/null is a file of no contents that any number of outputs share.
    #expect(
      Call("run", model, picture, "--save-logits", "/dev/null", "--save-features", "/dev/null").status == 0)
    let state = folder.path + "/out.bin.partial"
    expectRefusal(
      ["finetune", model, data, "--to", "24", "-o", folder.path + "/out.bin", "--report", state], [state],
      keeps: [])
    let row = folder.path + "/f-24.npy"
    expectRefusal(
      ["stats", model, data, "--resolutions", "16,24", "--save-features", folder.path + "/f", "-o", row],
      [row],
      keeps: [])
  }

  @Test func picturesAndTablesAreInputs() throws {
    expectRefusal(["run", model, picture, "--save-pixels", picture], [picture], keeps: [picture])
    expectRefusal(["run", model, data, "--save-pixels", picture], [picture], keeps: [picture])
    expectRefusal(["sweep", model, data, "--resolutions", "16", "-o", picture], [picture], keeps: [picture])
    expectRefusal(["analyze", model, "--images", data, "-o", picture], [picture], keeps: [picture])
    expectRefusal(
      ["finetune", model, data, "--to", "24", "--validate", data, "-o", picture], [picture], keeps: [picture])
    expectRefusal(
      ["adapt", model, "--bn-statistics", data + "/class 0", "-o", picture], [picture], keeps: [picture])
    // A class folder of links: the picture that a link points to is what is read.
    let linked = folder.makeFolder("linked")
    symlink(picture, folder.makeFolder("linked/class 0") + "/0.ppm")
    expectRefusal(
      ["stats", model, linked, "--resolutions", "16", "-o", picture], [picture], keeps: [picture])
    let labels = folder.path + "/labels.txt"
    try AtomicFileWriter.write(Array("a\nb\n".utf8), to: labels)
    expectRefusal(["import", model, "--labels", labels, "-o", labels], [labels], keeps: [labels])
    expectRefusal(["adapt", model, "--labels", labels, "-o", labels], [labels], keeps: [labels])
    expectRefusal(["import", model, "--finetuned", labels, "-o", labels], [labels], keeps: [labels])
    let tensor = folder.path + "/x-24.npy"
    try AtomicFileWriter.write([1], to: tensor)
    expectRefusal(
      [
        "stats", model, data, "--labels", tensor, "--resolutions", "16", "--save-features",
        folder.path + "/x",
      ],
      [tensor], keeps: [tensor])
    // A report that lies among the pictures is not read, and may be written again.
    for _ in 0..<2 {
      #expect(Call("sweep", model, data, "--resolutions", "16", "-o", data + "/report.html").status == 0)
    }
  }

  @Test func filesBesideAModelAreInputs() throws {
    let index = folder.path + "/model.safetensors.index.json"
    let shard = folder.path + "/part one.safetensors"
    let configuration = folder.path + "/config.json"
    try AtomicFileWriter.write(
      Array(#"{"weight_map": {"fc.weight": "part one.safetensors"}}"#.utf8), to: index)
    try AtomicFileWriter.write([1, 2, 3], to: shard)
    try AtomicFileWriter.write(Array("{}".utf8), to: configuration)
    for path in [shard, configuration] {
      expectRefusal(["import", index, "-o", path], [path], keeps: [path])
      expectRefusal(["run", index, picture, "--save-input", path], [path], keeps: [path])
    }
    // GraphProto (7) with an initializer (5) whose external_data (13) is location: weights.data.
    func message(_ number: Int, _ body: [UInt8]) -> [UInt8] {
      [UInt8(number << 3 | 2), UInt8(body.count)] + body
    }
    let entry = message(1, Array("location".utf8)) + message(2, Array("weights.data".utf8))
    let onnx: [UInt8] =
      [0x08, 0x08] + message(2, Array("pytorch".utf8)) + message(7, message(5, message(13, entry)))
    let (file, weights) = (folder.path + "/m.onnx", folder.path + "/weights.data")
    try AtomicFileWriter.write(onnx, to: file)
    try AtomicFileWriter.write([1], to: weights)
    expectRefusal(["adapt", file, "-o", weights], [weights], keeps: [weights])
    expectRefusal(["adapt", file, "-o", file], [file], keeps: [file])
  }

  /// What can't be written is refused before the network runs, or is read at all.
  @Test("row 19: places that cannot be written are refused first")
  func placesThatCannotBeWrittenAreRefusedFirst() {
    let missing = folder.path + "/none/out"
    for words in [
      ["adapt", model, "--to", "24", "-o"], ["import", model, "-o"],
      ["run", model, picture, "--save-logits"],
      ["sweep", model, data, "--resolutions", "16", "-o"], ["export", model, "--format", "onnx", "-o"],
      ["analyze", model, "-o"], ["finetune", model, data, "--to", "24", "-o"],
    ] {
      for place in [missing, folder.path] {
        let call = Call(words + [place])
        #expect(
          call.status == 1 && call.output == "" && !call.error.contains("note:"), "\(words): \(call.error)")
        #expect(
          call.error.contains(place == folder.path ? "found a folder" : "no such file or folder"),
          "\(call.error)")
      }
    }
    #expect(!folder.names.contains { $0.contains("partial") || $0.hasSuffix(".tmp") })
  }

  @Test func aModelFileIsChangedInPlaceAndACheckpointIsNot() throws {
    for command in ["import", "adapt"] {
      let call = Call(command, model, "-o", model)
      #expect(call.status == 0, "\(call.error)")
      #expect(try ModelFile.open(model).classCount == 2)
    }
    let checkpoint = folder.path + "/pytorch_model.bin"
    try AtomicFileWriter.write([0x80, 2, 0x2E], to: checkpoint)
    for command in ["import", "adapt"] {
      expectRefusal([command, checkpoint, "-o", checkpoint], [checkpoint], keeps: [checkpoint])
    }
  }
}

private func makeLink(_ old: String, _ new: String) -> Int32 { link(old, new) }
