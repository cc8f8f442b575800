import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

/// One network in files as scripts save it: any containers, wrappers, prefixes and bystanders.
@Suite struct WrappedCheckpointTests {
  let folder: TemporaryFolder
  let base: NamedTensors
  let original: ImportResult

  init() throws {
    folder = try TemporaryFolder()
    base = try NamedTensors(fixture: "torchvision-basic")
    original = try Importer.load(path: TestData.fixture("architectures/torchvision-basic/model.pth"))
  }

  private func load(_ bytes: [UInt8], key: String? = nil, ignore: [String] = []) throws -> ImportResult {
    var options = ImportOptions()
    options.key = key
    options.ignore = ignore
    return try Importer.load(path: try folder.write(bytes, "model.pth"), options: options)
  }

  private func prefixed(_ tensors: NamedTensors, _ prefix: String) -> NamedTensors {
    tensors.renamed { prefix + $0 }
  }

  private func doubled(_ tensors: NamedTensors) -> NamedTensors {
    tensors.mapped { name, value in name.hasSuffix("running_var") ? value : value * 2 }
  }

  // MARK: Containers

  @Test(arguments: ["model_state_dict", "best_model", "ema", "weights", "teacher", "online_network.encoder"])
  func aLoneDictionaryIsFoundWhateverItsName(_ name: String) throws {
    let object = name.split(separator: ".").reversed().reduce(SavedObject(base)) { inner, key in
      .dictionary([(String(key), inner), ("epoch", .integer(3))])
    }
    for bytes in [object.zip, object.legacy] {
      let result = try load(bytes)
      #expect(result.model.constants == original.model.constants)
      #expect(result.wrapper == name.split(separator: ".").joined(separator: ", "))
    }
  }

  @Test func tutorialsFileListsWhatItLeavesOut() throws {
    let object = SavedObject.dictionary([
      ("epoch", .integer(3)), ("model_state_dict", SavedObject(prefixed(base, "module."))),
      ("optimizer_state_dict", .optimizer(base)),
      ("loss", .tensor(shape: [2], values: [1, 2])), ("queue", .tensor(shape: [2], values: [1, 2])),
    ])
    let result = try load(object.zip)
    #expect(result.model.constants == original.model.constants)
    #expect(result.wrapper == "model_state_dict, module.")
    #expect(Set(result.ignored).isSuperset(of: ["epoch", "optimizer_state_dict", "loss", "queue"]))
  }

  @Test func tuplesAreLookedInto() throws {
    let result = try load(SavedObject.tuple([SavedObject(base), .integer(7)]).zip)
    #expect(result.model.constants == original.model.constants)
    #expect(try load(SavedObject.tuple([.text("a"), SavedObject(base)]).zip, key: "1").wrapper != nil)
  }

  @Test func trunkAndHeadMayBeInTwoDictionaries() throws {
    let object = SavedObject.dictionary([
      ("backbone", SavedObject(base.filter { !$0.hasPrefix("fc.") })),
      ("classifier", SavedObject(base.filter { $0.hasPrefix("fc.") }.renamed { String($0.dropFirst(3)) })),
    ])
    #expect(try load(object.zip).model.constants == original.model.constants)
  }

  @Test func shardsAreSearchedAsOne() throws {
    let named = prefixed(base, "wrapped.encoder.")
    let half = named.tensors.count / 2
    let parts = [NamedTensors(Array(named.tensors[..<half])), NamedTensors(Array(named.tensors[half...]))]
    var map = JSON.Object()
    for (index, part) in parts.enumerated() {
      _ = try folder.write(part.safetensors, "part\(index).safetensors")
      for tensor in part.tensors { map[tensor.name] = .string("part\(index).safetensors") }
    }
    let path = try folder.write(Self.index(map), "model.safetensors.index.json")
    #expect(try Importer.load(path: path).model.constants == original.model.constants)
    map["wrapped.encoder.gate.weight"] = .string("extra.safetensors")
    _ = try folder.write(
      NamedTensors([("wrapped.encoder.gate.weight", [3], [1, 2, 3])]).safetensors, "extra.safetensors")
    let other = try folder.write(Self.index(map), "extra.index.json")
    #expect(
      unexplained(architectureError { _ = try Importer.load(path: other) }) == "gate.weight [3]")
  }

  private static func index(_ map: JSON.Object) -> String {
    var object = JSON.Object()
    object["weight_map"] = .object(map)
    return JSON.object(object).serialized(pretty: false)
  }

  // MARK: Choices

  @Test(arguments: ["model_ema", "state_dict_ema", "ema", "ema_model"])
  func averagesComeFirstAndAreSaid(_ name: String) throws {
    let object = SavedObject.dictionary([("model", SavedObject(base)), (name, SavedObject(doubled(base)))])
    let taken = try load(object.zip)
    #expect(taken.model.constants["conv1.weight"]?.floats == doubled(base)["conv1.weight"])
    #expect(taken.notes.contains { $0.contains("EMA") && $0.contains("--key") })
    #expect(try load(object.zip, key: "model").model.constants == original.model.constants)
  }

  @Test func everyKeyOfTheErrorIsAccepted() throws {
    let object = SavedObject.dictionary([
      ("student", SavedObject(doubled(base))),
      ("teacher", .dictionary([("module", SavedObject(prefixed(base, "backbone.")))])),
    ])
    #expect {
      _ = try load(object.legacy)
    } throws: { error in
      guard case FormatError.severalNetworks(_, _, let places) = error else { return false }
      return places.map(\.key) == ["student", "teacher"]
    }
    for key in ["teacher", "teacher.module", "teacher.module.backbone", "module.backbone", "backbone"] {
      #expect(try load(object.zip, key: key).model.constants == original.model.constants, "\(key)")
    }
  }

  @Test func strangersAreRefusedUnlessTheyAreIgnored() throws {
    let stranger: (key: String, value: SavedObject) = ("adapter.scale", .tensor(shape: [2], values: [1, 2]))
    let object = SavedObject.dictionary([
      ("net", SavedObject(base)), ("extra", .dictionary([stranger])),
    ])
    for bytes in [object.zip, object.legacy] {
      #expect(
        architectureError { _ = try load(bytes) }
          == .unexpectedTensor(name: "extra.adapter.scale", found: [2], ignore: ["extra.*"]))
      for pattern in ["extra.*", "adapter.*", "*.scale", "scale", "extra.adapter.scal?"] {
        #expect(try load(bytes, ignore: [pattern]).model.constants == original.model.constants, "\(pattern)")
      }
      #expect(architectureError { _ = try load(bytes, ignore: ["scal"]) } != nil)
    }
  }

  @Test func overlaysAreRefusedForWhatTheyDoNotExplain() throws {
    var options = ImportOptions()
    let part = NamedTensors(
      doubled(base).filter { $0.hasPrefix("fc.") }.renamed { "best.module." + $0 }.tensors
        + [("best.module.gate.weight", [2], [1, 2])])
    options.finetuned = try folder.write(part.safetensors, "part.safetensors")
    let path = try folder.write(base.safetensors, "whole.safetensors")
    #expect(
      unexplained(architectureError { _ = try Importer.load(path: path, options: options) })
        == "best.module.gate.weight [2]")
    options.ignore = ["gate.*"]
    let result = try Importer.load(path: path, options: options)
    #expect(result.model.constants["fc.weight"]?.floats == doubled(base)["fc.weight"])
  }

  // MARK: Property

  private static let wrappers = [
    "state_dict", "model", "net", "weights", "best", "checkpoint", "0", "module.inner", "generator", "params",
  ]
  private static let prefixes = [
    "module.", "model.", "_orig_mod.", "backbone.", "encoder.", "resnet.", "0.", "timm_model.", "x.y.z.",
  ]

  /// The same model, an error that lists the candidates, or one that names the stranger; never another model.
  @Test func noWrappingGivesAnotherNetwork() throws {
    for seed in 0..<60 {
      var random = SeededRandom(seed: UInt64(seed))
      func pick(_ words: [String]) -> String { words[Int.random(in: words.indices, using: &random)] }
      func wrapped(_ tensors: NamedTensors) -> SavedObject {
        let prefix = (0..<Int.random(in: 0...3, using: &random)).map { _ in pick(Self.prefixes) }.joined()
        var object = SavedObject(prefixed(tensors, prefix))
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          object = .dictionary([("epoch", .integer(1)), (pick(Self.wrappers), object)])
        }
        return object
      }
      var entries: [(key: String, value: SavedObject)] = [("first", wrapped(base))]
      let hasTwin = Int.random(in: 0..<4, using: &random) == 0
      if hasTwin { entries.append(("second", wrapped(doubled(base)))) }
      let hasStranger = Int.random(in: 0..<4, using: &random) == 0
      if hasStranger { entries.append(("first_adapter", .tensor(shape: [3], values: [1, 2, 3]))) }
      if Bool.random(using: &random) { entries.append(("optimizer", .optimizer(base))) }
      if Bool.random(using: &random) { entries.append(("args", .dictionary([("lr", .integer(1))]))) }
      entries.shuffle(using: &random)
      let object = SavedObject.dictionary(entries)
      let bytes = Bool.random(using: &random) ? object.zip : object.legacy
      do {
        let result = try load(bytes)
        #expect(!hasTwin && !hasStranger, "seed \(seed)")
        #expect(result.model.constants == original.model.constants, "seed \(seed)")
      } catch FormatError.severalNetworks(_, _, let places) {
        #expect(hasTwin && Set(places.map(\.key)) == ["first", "second"], "seed \(seed): \(places)")
        let chosen = try load(bytes, key: "first")
        #expect(chosen.model.constants == original.model.constants, "seed \(seed)")
      } catch FormatError.architecture(_, .unexpectedTensor(let name, _, _)) {
        #expect(hasStranger && name == "first_adapter", "seed \(seed)")
        #expect(
          try load(bytes, ignore: [name]).model.constants == original.model.constants, "seed \(seed)")
      }
    }
  }
}
