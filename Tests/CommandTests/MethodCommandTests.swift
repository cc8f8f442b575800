import FixresBase
import FixresIR
import FixresMethod
import TestSupport
import Testing
import fixresc

/// The method's commands on a tiny network and noise: what they print, write and refuse.
@Suite struct MethodCommandTests {
  let folder: TemporaryFolder
  let pictures: PictureFolder
  let model: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 3, perClass: 5)
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 16, classes: 3), to: model)
  }

  var data: String { pictures.folder.path }

  @Test func sweepMeasuresAndRecommends() throws {
    let page = folder.path + "/sweep.html"
    let words = ["sweep", model, data, "--resolutions", "24,20", "--average", "20,24", "--budget", "1000"]
    let call = Call(words + ["--json", "-o", page])
    #expect(call.status == 0, "\(call.error)")
    let rows = call.json["rows"]?.arrayValue ?? []
    #expect(rows.map { $0["resolution"]?.integerValue } == [16, 20, 24], "the training size is measured too")
    #expect(rows[0]["p_value"]?.doubleValue == 1 && call.json["baseline"] == 16)
    #expect(call.json["recommended"] == call.json["recommended_within_budget"])
    #expect(call.json["average"]?["images"] == 15)
    #expect(try MappedFile.open(page).starts(with: Array("<!doctype html>".utf8)))
    let text = Call(words)
    #expect(text.status == 0 && text.output.contains("recommended: "))
    let evaluated = Call("eval", model, data, "--resolution", "24", "--json")
    #expect(rows[2]["top1"] == evaluated.json["top1"] && rows[2]["loss"] == evaluated.json["loss"])
  }

  @Test func rangesOfResolutions() {
    func sides(_ text: String) -> [Int]? {
      let call = Call("stats", model, data, "--resolutions", text, "--json", "--limit", "1")
      return call.status == 0
        ? call.json["rows"]?.arrayValue?.compactMap { $0["resolution"]?.integerValue } : nil
    }
    #expect(sides("16..24:4") == [16, 20, 24])
    #expect(sides("20..27:3,16") == [16, 20, 23, 26])
    #expect(sides("8..72") == [8, 16, 40, 72], "steps of 32, and the training size")
    #expect(sides("16..16:5") == [16])
    for text in [
      "24..16:4", "16..24:0", "16..", "..24", "16..24:", "16..24:4:4", "1..32768:1", "16:24:4", "a..b",
    ] {
      let call = Call("sweep", model, data, "--resolutions", text)
      #expect(call.status == 2 && call.error.contains("160..288:32"), "\(text): \(call.error)")
    }
  }

  /// `adapt` knows from the history that a model was fine-tuned at the size it is adapted for.
  @Test func aFineTunedModelNeedsNoFurtherFineTuning() throws {
    let (tuned, ready) = (folder.path + "/tuned.bin", folder.path + "/ready.bin")
    #expect(Call("finetune", model, data, "--to", "48", "--epochs", "1", "-o", tuned).status == 0)
    let before = Call("adapt", model, "--to", "48", "-o", ready)
    #expect(before.output.contains("far from 1: fine-tuning at 48 is worth it"), "\(before.output)")
    let after = Call("adapt", tuned, "-o", ready)
    #expect(after.status == 0 && !after.output.contains("worth it"), "\(after.output)")
    #expect(after.output.contains("fine-tuned at 48"))
    #expect(!Call("adapt", tuned, "--to", "52", "-o", ready).output.contains("worth it"), "near")
    let far = Call("adapt", tuned, "--to", "96", "-o", ready, "--json")
    #expect(far.json["advice"]?.stringValue?.contains("fine-tuning at 96 is worth it") == true)
    #expect(far.json["fine_tuned_at"] == [48, 48])
    let overlaid = Call("adapt", model, "--to", "48", "--finetuned", tuned, "-o", ready)
    #expect(overlaid.status != 0 || !overlaid.output.contains("worth it"), "\(overlaid.output)")
  }

  /// `stats`, `sweep`, `eval` and `finetune` share one cache, whose results have the same bits.
  @Test func commandsShareACache() throws {
    let cache = folder.path + "/cache"
    let ready = folder.path + "/ready.bin"
    #expect(Call("adapt", model, "--to", "24", "-o", ready).status == 0)
    let words = ["--resolutions", "16,24"]
    let (stats, sweep) = (
      Call(["stats", model, data, "--json"] + words), Call(["sweep", model, data, "--json"] + words)
    )
    let first = Call(["stats", model, data, "--cache", cache, "--json"] + words)
    #expect(
      first.status == 0 && first.output == stats.output && !first.error.contains("earlier run"),
      "\(first.error)")
    let second = Call(["stats", model, data, "--cache", cache, "--json"] + words)
    #expect(second.output == stats.output && second.error.contains("15 of 15 results"), "\(second.error)")
    let swept = Call(["sweep", model, data, "--cache", cache, "--json"] + words)
    #expect(swept.error.contains("15 of 15 results"), "\(swept.error)")
    for row in 0..<2 {
      for key in ["top1", "top5", "loss", "p_value"] {
        #expect(swept.json["rows"]?[row]?[key] == sweep.json["rows"]?[row]?[key])
      }
    }
    let evaluated = Call("eval", model, data, "--resolution", "24", "--cache", cache, "--json")
    #expect(
      evaluated.error.contains("15 of 15 results")
        && evaluated.json["loss"] == sweep.json["rows"]?[1]?["loss"])
    let (a, b) = (folder.path + "/a.bin", folder.path + "/b.bin")
    let tune = ["finetune", model, data, "--to", "24", "--epochs", "1"]
    #expect(Call(tune + ["-o", a]).status == 0)
    #expect(Call(tune + ["-o", b, "--cache", cache]).status == 0)
    let (plain, kept) = (try MappedFile.open(a).array, try MappedFile.open(b).array)
    #expect(plain == kept)
    #expect(!folder.names.contains { $0.contains("partial") } && folder.names.contains("cache"))
    #expect(Call("stats", model, data, "--resolutions", "16", "--cache", model).status == 1)
    #expect(Call("stats", model, data, "--resolutions", "16", "--cache-limit", "5").status == 2)
    let resumed = Call(tune + ["-o", a, "--resume"])
    #expect(resumed.status == 0 && resumed.error.contains("begins anew"), "\(resumed.error)")
  }

  @Test func analyzeSaysWhatItRecommendsAndWhy() {
    let formula = Call("analyze")
    #expect(formula.status == 0 && !formula.output.contains("  measured"), "\(formula.output)")
    #expect(formula.output.contains("by the paper's formula"))
    let pictures = Call("analyze", "--images", data, "--json").json
    #expect(pictures["recommended_by"] == "measured")
    #expect(pictures["recommended_resolution"] == pictures["measured"]?["recommended_resolution"])
    #expect(Call("analyze", "--images", data).output.contains("the measured one"))
  }

  @Test func noShareOfThePeakIsAboveOne() throws {
    let model = folder.path + "/wide.bin"
    try ModelFile.write(try SmallModel.residual(side: 64, channels: 32), to: model)
    let call = Call("bench", model, "--runs", "3", "--json")
    #expect(call.status == 0, "\(call.error)")
    let peak = call.json["peak_gflops"]?.doubleValue ?? 0
    #expect(peak > 0 && (call.json["peak_share"]?.doubleValue ?? 2) <= 1)
    #expect((call.json["performed_gflops"]?.doubleValue ?? .infinity) <= peak)
    let layers = call.json["layers"]?.arrayValue ?? []
    #expect(!layers.isEmpty)
    for layer in layers {
      let (direct, performed) = (
        layer["gflops"]?.doubleValue ?? 0, layer["performed_gflops"]?.doubleValue ?? .infinity
      )
      #expect(performed <= peak)
      let isReduced = layer["kernel"]?.stringValue?.hasPrefix("winograd") ?? false
      #expect(isReduced || direct == performed)
      if isReduced { #expect(direct > 2 * performed) }
    }
  }

  @Test func sweepRefuses() {
    #expect(Call("sweep", model, data).status == 2)
    #expect(Call("sweep", model, data, "--resolutions", "16,big").status == 2)
    #expect(Call("sweep", model, data, "--resolutions", "0").status == 2)
    #expect(Call("sweep", model, data, "--resolutions", "16", "--average", "16").status == 2)
    #expect(Call("sweep", model, folder.path, "--resolutions", "16").status == 1)
  }

  @Test func statsGivesDistributions() throws {
    let call = Call(
      "stats", model, data, "--resolutions", "16,24", "--json", "--save-features", folder.path + "/f")
    #expect(call.status == 0, "\(call.error)")
    let row = call.json["rows"]?[1]
    #expect(row?["images"] == 15 && row?["values"] == 120)
    #expect(call.json["rows"]?[0]?["ks_to_train"]?.doubleValue == 0)
    #expect(try Npy.read(MappedFile.open(folder.path + "/f-24.npy")).shape == [15, 8])
    // A folder of pictures without classes does as well.
    let flat = Call("stats", model, data + "/class 0", "--resolutions", "16")
    #expect(flat.status == 0 && flat.output.contains("5 pictures"), "\(flat.error)")
  }

  @Test func analyzeNeedsNoModel() throws {
    let page = folder.path + "/analyze.html"
    let call = Call("analyze", "--json")
    #expect(call.json["recommended_resolution"] == 277 && call.json["train_resolution"] == 224)
    let own = Call("analyze", model, "--images", data, "--to", "24", "-o", page)
    #expect(own.status == 0 && own.output.contains("16 -> 24"), "\(own.error)")
    #expect(try MappedFile.open(page).count > 5000)
    #expect(Call("analyze", "--images", folder.path).status == 1)
  }

  @Test func finetuneThenAdapt() throws {
    let tuned = folder.path + "/tuned.bin"
    let words = ["finetune", model, data, "--to", "24", "--epochs", "3", "--batch-size", "5", "-o", tuned]
    let text = Call(words)
    #expect(text.status == 0 && text.output.contains("measured on 15 training pictures"), "\(text.error)")
    let page = folder.path + "/tuned.html"
    let call = Call(words + ["--json", "--validate", data, "--report", page])
    #expect(try MappedFile.open(page).starts(with: Array("<!doctype html>".utf8)))
    #expect(call.json["epochs"]?.arrayValue?.count == 3 && call.json["measured_on"] == "validation")
    let before = Call("eval", model, data, "--resolution", "24", "--json").json
    #expect(call.json["before_top1"] == before["top1"] && call.json["before_loss"] == before["loss"])
    let ready = folder.path + "/ready.bin"
    #expect(Call("adapt", tuned, "-o", ready).status == 0)
    let after = Call("eval", ready, data, "--json").json
    #expect(call.json["after_top1"] == after["top1"] && call.json["after_loss"] == after["loss"])
    #expect(!folder.names.contains("tuned.bin.partial"))
    // What was folded cannot be adapted any more, and nothing is written.
    let folded = Call("finetune", ready, data, "--to", "20", "-o", folder.path + "/none.bin", "--json")
    #expect(folded.status == 1 && !folder.names.contains("none.bin"))
  }

  @Test func finetuneAsTheAuthorsDo() throws {
    let tuned = folder.path + "/tuned.bin"
    let words = [
      "finetune", model, data, "--to", "24", "--recipe", "paper", "--batch-size", "4", "-o", tuned,
    ]
    let call = Call(words + ["--json"])
    #expect(call.status == 0 && call.json["epochs"]?.arrayValue?.count == 56, "\(call.error)")
    let entry = try #require(try ModelFile.open(tuned).metadata.history.last)
    for (name, value) in [
      ("normalisation", "batch"), ("mode", "bnstat+fc"), ("learning_rate", "6.25e-05"),
      ("schedule", "times 0.1 every 30 epochs"),
    ] { #expect(entry.parameters.contains(.init(name, value)), "\(name)") }
  }

  @Test func finetuneRefuses() throws {
    let out = folder.path + "/out.bin"
    let two = folder.path + "/two.bin"
    try ModelFile.write(try SmallModel.residual(side: 16, classes: 2), to: two)
    let misfit = Call("finetune", two, data, "--to", "24", "-o", out)
    #expect(misfit.status == 1 && misfit.error.contains("--new-head"))
    let renewed = Call(
      "finetune", two, data, "--to", "24", "-o", out, "--new-head", "--epochs", "1", "--json")
    #expect(renewed.status == 0, "\(renewed.error)")
    #expect(try ModelFile.open(out).classCount == 3)
    #expect(Call("finetune", model, data, "--to", "24", "-o", out, "--early-stop", "2").status == 2)
    // Fewer folders of other names than there are classes are no match either; pictures are refused by place.
    let four = folder.path + "/four.bin"
    try ModelFile.write(try SmallModel.residual(side: 16, classes: 4), to: four)
    let fewer = Call("finetune", four, data, "--to", "24", "-o", out, "--epochs", "1")
    #expect(fewer.status == 0, "folders called like labels may be fewer: \(fewer.error)")
    let others = folder.makeFolder("others")
    for name in ["cat", "dog"] {
      try AtomicFileWriter.write(
        MappedFile.open(data + "/class 0/picture 00.ppm").array,
        to: folder.makeFolder("others/" + name) + "/0.ppm")
    }
    for words in [[model, others], [model, data, "--validate", others]] {
      let call = Call(["finetune"] + words + ["--to", "24", "-o", out])
      #expect(
        call.status == 1 && call.error.contains("like the model's labels, found `cat`, `dog`"),
        "\(call.error)")
      #expect(call.error.contains("--new-head"))
    }
    let unlike = Call("finetune", model, data, "--new-head", "--validate", others, "--to", "24", "-o", out)
    #expect(unlike.status == 1 && unlike.error.contains("found `cat`, `dog`"), "\(unlike.error)")
    #expect(
      Call("finetune", model, model, "--to", "24", "-o", out).error.contains(
        "expected a folder, found a file"))
    #expect(Call("finetune", model, data, "--to", "0", "-o", out).status == 1)
    let small = Call("finetune", model, data, "--to", "24", "-o", out, "--epochs", "0")
    #expect(small.status == 0 && small.error.contains("warning"), "\(small.error)")
    // What can't be written is refused before the network runs.
    for words in [["-o", others], ["-o", folder.path + "/none/out.bin"], ["-o", out, "--report", others]] {
      let call = Call(["finetune", model, data, "--to", "24"] + words)
      #expect(call.status == 1 && !call.error.contains("features of"), "\(call.error)")
    }
    try AtomicFileWriter.write(Array("not a picture".utf8), to: data + "/class 1/broken.jpg")
    let broken = Call("finetune", model, data, "--to", "24", "-o", out)
    #expect(broken.status == 1 && broken.error.contains("broken.jpg"))
    let allowed = Call(
      "finetune", model, data, "--to", "24", "-o", out, "--allow-failures", "--epochs", "1", "--json")
    #expect(allowed.status == 0 && allowed.json["failed"] == 1)
  }

  @Test func adaptationsAreNamedInTheHistory() throws {
    let out = folder.path + "/adapted.bin"
    for (words, action) in [
      (["--bn-statistics", data], "bn-statistics"),
      (["--bn-statistics", data, "--bn-layers", "all", "--bn-prior", "4"], "bn-statistics"),
      (["--equalize", data], "equalize"), (["--equalize", data, "--equalize-linear"], "equalize-linear"),
      (["--test-pool"], "test-pool"),
    ] {
      let call = Call(["adapt", model, "--to", "24", "-o", out, "--json"] + words)
      #expect(call.status == 0, "\(words): \(call.error)")
      let history = try ModelFile.open(out).metadata.history.map(\.action)
      #expect(history.contains(action) && history.contains("fold-batch-norm"))
      #expect(call.json["adaptations"]?.objectValue?.count == 1)
      #expect(Call("eval", out, data).status == 0)
    }
    #expect(Call("adapt", model, "-o", out, "--bn-layers", "all").status == 2)
    #expect(Call("adapt", model, "-o", out, "--equalize-linear").status == 2)
    #expect(
      Call("adapt", model, "-o", out, "--test-pool").status == 1, "at the training size there is no room")
    #expect(Call("adapt", out, "-o", out, "--bn-statistics", data).status == 1, "already folded")
  }
}
