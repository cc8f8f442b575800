import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime

private enum Options {
  static let input = Option(
    "--input", "FILE", kind: .file(.input), "a picture, or a .npy tensor [1,3,H,W] (default: made-up noise)")
  static let tolerance = Option(
    "--tolerance", "T", kind: .number(0...Double.infinity),
    "a layer departs above T times its largest magnitude (default 1e-4)")
}

extension Command {
  static let compare = Command(
    "compare", "run two models on one input and show where they depart",
    example: "fixresc compare resnet50.bin resnet50-fused.bin",
    details:
      "Layers are compared where names meet: a fused layer keeps the name of the last value it replaces. One side may "
      + "be a .npy of logits that another runtime gave for --input.",
    arguments: [
      Argument(
        "A", .one, kind: .file(.model),
        "the model (or .npy logits) to compare with; magnitudes are this one's"),
      Argument("B", .one, kind: .file(.model), "the other model, or .npy logits"),
    ],
    groups: [
      OptionGroup("Options", [Options.input, Options.tolerance]), Shared.pictures, Shared.model,
      Shared.engine,
    ],
    run: { try CompareRun($0).run() })
}

/// One run of `compare`.
private struct CompareRun {
  private let invocation: Invocation
  private let tolerance: Double

  init(_ invocation: Invocation) {
    self.invocation = invocation
    tolerance = invocation.number(Options.tolerance) ?? 1e-4
  }

  func run() throws -> JSON.Object {
    let sides = try invocation.arguments.map { try SourceFile.open($0) }
    let comparison = try comparison(sides[0], sides[1])
    show(comparison)
    return object(comparison)
  }

  private func comparison(_ a: SourceFile, _ b: SourceFile) throws -> ModelComparison {
    if a.kind.isNumPy || b.kind.isNumPy {
      guard a.kind.isNumPy != b.kind.isNumPy, invocation.text(Options.input) != nil else {
        throw CommandError.refused(
          kind: "compare.outputs", "expected a model beside the .npy logits, and the --input that they are of"
        )
      }
      return a.kind.isNumPy
        ? try comparison(of: b, with: a, isReference: true)
        : try comparison(of: a, with: b, isReference: false)
    }
    let (first, second) = (try model(a), try model(b))
    let comparer = try ModelComparer(first, second, options: ModelSource.sessionOptions(invocation))
    return try comparer.compare(try input(for: first), tolerance: tolerance)
  }

  /// A model beside the logits that another runtime gave for the same input; `isReference` where the logits are A.
  private func comparison(of side: SourceFile, with outputs: SourceFile, isReference: Bool) throws
    -> ModelComparison
  {
    let array = try naming(outputs.path) { try Npy.read(outputs.bytes) }
    let model = try model(side)
    let session = try ModelSource.session(model, invocation)
    let hasLogits = session.classCount > 0
    let count = hasLogits ? session.classCount : session.featureCount
    guard array.shape == [1, count] || array.shape == [count] else {
      throw CommandError.refused(
        kind: "compare.tensor-shape",
        "\(outputs.path): expected \(hasLogits ? "logits" : "features") \([1, count]), found \(array.shape)")
    }
    let output = try session.run(try input(for: model))
    let logits = hasLogits ? output.logits : output.features
    let other = array.floats()
    for (name, values) in [(side.path, logits), (outputs.path, other)] where values.firstNonFinite != nil {
      let origin =
        name == side.path
        ? NonFiniteSearch.origin(in: model, of: try input(for: model))
        : .input(index: other.firstNonFinite ?? 0)
      throw MethodError.notFinite(input: name, origin)
    }
    return ModelComparison(
      logits: isReference ? logits : other, of: model, reference: isReference ? other : logits,
      tolerance: tolerance)
  }

  private func model(_ side: SourceFile) throws -> Model {
    try ModelSource.open(side, invocation).model
  }

  /// One image `[3, H, W]`.
  private func input(for model: Model) throws -> [Float] {
    guard let path = invocation.text(Options.input) else { return try NoiseInput.make(for: model.graph) }
    let bytes = try FileContents.read(path)
    guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      let preprocessor = try PictureSource.preprocessor(for: model, invocation)
      return try naming(path) { preprocessor.input(from: try preprocessor.picture(from: bytes)) }
    }
    let array = try naming(path) { try Npy.read(bytes) }
    let expected = model.graph.imageInput?.type.dims ?? []
    guard array.shape == [1] + expected || array.shape == expected else {
      throw CommandError.refused(
        kind: "compare.tensor-shape", "\(path): expected a tensor \([1] + expected), found \(array.shape)")
    }
    return array.floats()
  }

  // MARK: - Results

  private func object(_ comparison: ModelComparison) -> JSON.Object {
    var object = JSON.Object()
    object["tolerance"] = JSON(comparison.tolerance)
    object["max_abs_difference"] = JSON(comparison.layers.map(\.deviation.difference).max() ?? 0)
    object["first_departure"] = comparison.firstDeparture.map { .string($0.name) } ?? .null
    object["layers"] = .array(
      comparison.layers.map {
        [
          "name": .string($0.name), "shape": JSON($0.shape),
          "max_abs_difference": JSON($0.deviation.difference), "magnitude": JSON($0.deviation.magnitude),
          "departs": JSON(comparison.departs($0)),
        ]
      })
    object["outputs"] = .array(
      comparison.sharedOutputs.map {
        [
          "model": .string($0.isSecond ? "B" : "A"), "name": .string($0.layer.name),
          "max_abs_difference": JSON($0.layer.deviation.difference),
        ]
      })
    return object
  }

  private func show(_ comparison: ModelComparison) {
    let console = invocation.console
    var table = Table(
      [.left, .right, .right, .right, .left], header: ["layer", "difference", "magnitude", "ratio", ""])
    for layer in comparison.layers {
      let (difference, magnitude) = (Double(layer.deviation.difference), Double(layer.deviation.magnitude))
      table.add([
        layer.name, Text.significant(difference), Text.significant(magnitude),
        magnitude > 0 ? Text.significant(difference / magnitude) : "",
        comparison.departs(layer) ? "departs" : "",
      ])
    }
    console.lines(table.lines())
    console.line()
    for (side, origin) in [("A", comparison.firstNotFinite), ("B", comparison.secondNotFinite)] {
      guard let origin else { continue }
      console.warn(
        "\(side): expected finite numbers, found NaN or infinity: \(origin.sentence). Exit status 1"
      )
      console.status = 1
    }
    if let fault = comparison.sharingFault {
      console.warn(
        "\(fault.isSecond ? "B" : "A"): a run of \(fault.layer.name) is not what its layers give, a fault of fixresc: "
          + "difference \(Text.significant(Double(fault.layer.deviation.difference))). Exit status 1")
      console.status = 1
    }
    let unmatched = comparison.unmatchedCount
    if unmatched > 0 {
      console.line(
        "\(Text.count(unmatched, "layer")) of B \(unmatched == 1 ? "has" : "have") no counterpart in A")
    }
    if let first = comparison.firstDeparture {
      console.line(
        "first departure: \(first.name), above \(Text.significant(tolerance)) of its magnitude"
      )
    } else {
      console.line("no layer departs by more than \(Text.significant(tolerance)) of its magnitude")
    }
  }
}
