import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// References read from files and run on models.
@Suite struct ReferenceTrialTests {
  private let folder: TemporaryFolder
  private let model: Model
  private let input: [Float]
  private let scores: [Float]

  init() throws {
    folder = try TemporaryFolder()
    model = try SmallModel.residual()
    input = try NoiseInput.make(for: model.graph, batch: 2)
    scores = try Session(model: model).run(input).logits
  }

  private func path(_ name: String) -> String { folder.path + "/" + name }

  private func write(_ values: [Float], _ shape: [Int], _ name: String) throws -> String {
    try Npy.write(values, shape: shape, to: path(name))
    return path(name)
  }

  private func write(_ text: String, _ name: String) throws -> String {
    try AtomicFileWriter.write(Array(text.utf8), to: path(name))
    return path(name)
  }

  private var one: (input: String, outputs: String) {
    get throws {
      (
        try write(Array(input[..<3072]), [3, 32, 32], "one.npy"),
        try write(Array(scores[..<5]), [5], "one-out.npy")
      )
    }
  }

  private func fault(_ input: String, _ outputs: String) -> ReferenceFault? {
    do {
      _ = try ReferenceReader.read(input: input, outputs: outputs, for: model)
      return nil
    } catch .reference(let fault) {
      return fault
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func tensorsOfEveryShapeFit() throws {
    let text = "[" + scores.map { "\($0)" }.joined(separator: ", ") + "]"
    let rows = "[\(text.dropFirst().dropLast().split(separator: ",")[..<5].joined(separator: ","))]"
    let both = try write(input, [2, 3, 32, 32], "both.npy")
    let forms = [
      (try one.input, try one.outputs), (try one.input, try write(rows, "list.json")),
      (try one.input, try write("[\(rows)]", "nested.json")),
      (try one.input, try write(#"{"labels": [1], "logits": [\#(rows)]}"#, "object.json")),
      (try one.input, try write(#"{"whatever": \#(rows), "n": 1}"#, "member.json")),
      (try one.input, try write(Array(scores[..<5]), [1, 5, 1, 1], "map.npy")),
      (both, try write(scores, [2, 5], "both-out.npy")),
    ]
    for (input, outputs) in forms {
      let pair = try ReferenceReader.read(input: input, outputs: outputs, for: model)
      let result = try #require(ReferenceTrial(pair)).run(model)
      #expect(result.fits && result.distance.difference < 1e-6 && result.resolution == Extent(32, 32))
    }
  }

  @Test func anotherNetworkDoesNotFit() throws {
    let pair = try ReferenceReader.read(input: one.input, outputs: one.outputs, for: model)
    let other = try SmallModel.residual(seed: 2)
    let result = try #require(ReferenceTrial(pair)).run(other)
    #expect(!result.fits && result.distance.difference > 1e-2)
    var nudged = model
    let bias = try #require(model.constants["fc.bias"]).floats
    try nudged.setConstant("fc.bias", to: Tensor(shape: [5], bias.map { $0 + 1e-3 }))
    #expect(try #require(ReferenceTrial(pair)).run(nudged).fits == false, "a thousandth is no rounding")
  }

  @Test func everyWrongFileIsNamed() throws {
    let (input, outputs) = try one
    #expect(fault(path("none.npy"), outputs) == .file(.notFound(path: path("none.npy"))))
    #expect(fault(input, path("none.npy")) == .file(.notFound(path: path("none.npy"))))
    let last = try write(Array(self.input[..<3072]), [1, 32, 32, 3], "last.npy")
    #expect(fault(last, outputs) == .channelsLast(path: last, found: [1, 32, 32, 3]))
    let flat = try write(Array(self.input[..<3072]), [3, 1024], "flat.npy")
    #expect(fault(flat, outputs) == .inputShape(path: flat, found: [3, 1024]))
    let grey = try write(Array(self.input[..<1024]), [1, 1, 32, 32], "grey.npy")
    #expect(fault(grey, outputs) == .channels(path: grey, expected: 3, found: 1))
    let few = try write(Array(scores[..<4]), [4], "few.npy")
    #expect(fault(input, few) == .classes(path: few, expected: 5, found: 4))
    let rows = try write(scores, [2, 5], "rows.npy")
    #expect(fault(input, rows) == .outputShape(path: rows, inputs: 1, found: [2, 5]))
    let infinite = try write([1, 2, 3, 4, .infinity], [5], "infinite.npy")
    #expect(fault(input, infinite) == .notFinite(path: infinite))
    let label = try write([0, 0, 1, 0, 0], [5], "label.npy")
    #expect(fault(input, label) == .uninformative(path: label))
    for text in ["PK\u{3}\u{4}", "", "0.1 0.2 0.3", "[[1, 2], [3]]", #"{"a": 1}"#, "[1, \"x\"]"] {
      let wrong = try write(text, "wrong.json")
      #expect(fault(input, wrong) == .outputs(path: wrong), "\(text)")
    }
    guard case .json? = fault(input, try write("[1, 2", "cut.json")) else {
      Issue.record("a cut list is no JSON")
      return
    }
    guard case .picture? = fault(try write("GIF89a", "x.gif"), outputs) else {
      Issue.record("a GIF is no picture that is read")
      return
    }
  }

  @Test func aPictureIsMadeIntoTheInput() throws {
    let pictures = try PictureFolder(classes: 1, perClass: 1)
    let photo = pictures.folder.path + "/class 0/picture 00.ppm"
    let preprocessor = try Preprocessor(.imageNet, size: Extent(32, 32))
    let bytes = try MappedFile.open(photo)
    let made = preprocessor.input(from: try preprocessor.picture(from: bytes))
    let outputs = try write(Session(model: model).run(made).logits, [1, 5], "photo-out.npy")
    var read = model
    read.references = [try ReferenceReader.read(input: photo, outputs: outputs, for: model)]
    #expect(try read.checkReferences().allSatisfy(\.fits))
    // The reference keeps how its picture was made, whatever the model says later.
    read.metadata.preprocessing = Preprocessing(resizeRule: .squash, cropShare: 0.5)
    #expect(try read.checkReferences().allSatisfy(\.fits))
    read = try ModelFile.read(
      try {
        try ModelFile.write(read, to: path("m.bin")); return try MappedFile.open(path("m.bin"))
      }())
    #expect(try read.checkReferences().count == 1 && read.checkReferences().allSatisfy(\.fits))
  }

  @Test func largeReferencesAreNotKept() throws {
    var model = model
    let small = ReferencePair(
      name: "small", input: .tensor(Tensor(shape: [1, 3, 32, 32], Array(input[..<3072]))),
      outputs: Tensor(shape: [1, 5], Array(scores[..<5])))
    let side = 1200
    let large = ReferencePair(
      name: "large",
      input: .tensor(Tensor(shape: [1, 3, side, side], [Float](repeating: 0.5, count: 3 * side * side))),
      outputs: small.outputs)
    let result = try #require(ReferenceTrial(small)).run(model)
    #expect(model.adopt([large, small, small], [result]) == 1)
    #expect(model.references == [small])
    #expect(model.metadata.verified?.references == 1)
  }
}
