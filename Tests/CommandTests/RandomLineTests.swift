import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

/// Command lines drawn from the table and from what people mistype.
@Suite struct RandomLineTests {
  @Test(arguments: [11, 12, 13] as [UInt64])
  func everyLineEndsInAnAnswerOrOneSentence(_ seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 8, channels: 4, seed: 2), to: model)
    let pictures = try PictureFolder(classes: 2, perClass: 2)
    var random = SeededRandom(seed: seed)
    let values = [
      model, pictures.folder.path, pictures.folder.path + "/class 0/picture 00.ppm", folder.path, "/dev/null",
      "0", "-1",
      "1", "8", "9x11", "1e-3", "a,b", "1,2,3", "", "é\u{301}", "\u{1B}[2J", "all", "fold-batch-norm", "hf",
      "99999999999999999999", "=", "--",
    ]
    for round in 0..<150 {
      let command = Tool.commands[random.nextInt(in: 0..<Tool.commands.count)]
      var words = [command.name]
      for argument in command.arguments where random.nextInt(in: 0..<10) > 0 {
        words.append(argument.isFile ? model : pictures.folder.path)
      }
      for _ in 0..<random.nextInt(in: 0..<4) {
        let option = command.options[random.nextInt(in: 0..<command.options.count)]
        words.append(random.nextInt(in: 0..<12) == 0 ? option.name + "x" : option.name)
        if option.takesValue {
          words.append(option.isWritten ? folder.path + "/out" : values[random.nextInt(in: 0..<values.count)])
        }
      }
      if command.options.contains(where: { $0.name == "--runs" }) { words += ["--runs", "1"] }
      if random.nextInt(in: 0..<2) == 0 { words.append("--json") }
      check(words, "seed \(seed), round \(round): \(words)")
    }
    #expect(try ModelFile.open(model).graph.resolution == Extent(8, 8), "no line may change its input")
    let written = try Set(DirectoryListing.names(in: ".")).intersection(values)
    #expect(written.isEmpty, "no line may write outside of its folder")
  }

  private func check(_ words: [String], _ place: String) {
    let call = Call(words)
    #expect([0, 1, 2].contains(call.status), "\(place)")
    let errors = call.error.split(separator: "\n").filter { $0.hasPrefix("fixresc: error: ") }
    #expect(errors.count == (call.status == 0 ? 0 : 1), "\(place): \(call.error)")
    #expect(!call.error.contains("\u{1B}"), "\(place)")
    if words.prefix(while: { $0 != "--" }).contains("--json") {
      #expect(call.json["schema"] == 1, "\(place): \(call.output.prefix(200))")
      #expect((call.json["error"] != nil) == (call.status != 0), "\(place)")
    } else if call.status == 2 {
      #expect(call.output == "", "\(place)")
    }
  }
}

extension Option {
  fileprivate var isWritten: Bool {
    switch kind {
    case .file(.output), .file(.outputPrefix), .folder(.cache): true
    default: false
    }
  }
}

extension Argument {
  fileprivate var isFile: Bool { if case .file = kind { true } else { false } }
}
