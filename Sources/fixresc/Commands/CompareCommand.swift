import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

private enum Options {
  static let input = Option(
    "--input", "FILE", .file, "a picture, or a .npy tensor [1,3,H,W] (default: made-up noise)")
  static let tolerance = Option(
    "--tolerance", "T", .number(0...Double.infinity),
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
      Argument("A", .one, .file, "the model (or .npy logits) to compare with; magnitudes are this one's"),
      Argument("B", .one, .file, "the other model, or .npy logits"),
    ],
    groups: [
      OptionGroup("Options", [Options.input, Options.tolerance]), Shared.pictures, Shared.model,
      Shared.engine,
    ],
    run: { invocation in
      if let comparison = try comparisonWithOutputs(invocation) {
        comparison.show(invocation.console)
        return comparison.object
      }
      let a = try ModelSource.open(invocation.arguments[0], invocation).model
      let b = try ModelSource.open(invocation.arguments[1], invocation).model
      guard a.graph.imageInput?.type == b.graph.imageInput?.type else {
        throw CommandError.refused(
          kind: "compare.input",
          "expected two models of one input, found \(described(a)) and \(described(b)); `adapt --to` makes them equal"
        )
      }
      let comparison = try Comparison(
        a, b, input: { try comparisonInput(a, invocation) },
        tolerance: invocation.number(Options.tolerance) ?? 1e-4,
        invocation)
      comparison.show(invocation.console)
      return comparison.object
    })

  /// A model beside what another runtime gave for the same input; nil where neither side is a .npy.
  private static func comparisonWithOutputs(_ invocation: Invocation) throws -> Comparison? {
    let mark = [0x93] + Array("NUMPY".utf8)
    let areOutputs = try invocation.arguments.map { try MappedFile.open($0).starts(with: mark) }
    guard let place = areOutputs.firstIndex(of: true) else { return nil }
    guard areOutputs.contains(false), invocation.text(Options.input) != nil else {
      throw CommandError.refused(
        kind: "compare.outputs", "expected a model beside the .npy logits, and the --input that they are of")
    }
    let path = invocation.arguments[place]
    let array = try naming(path) { try Npy.read(try MappedFile.open(path)) }
    let model = try ModelSource.open(invocation.arguments[1 - place], invocation).model
    let classes = model.classCount
    guard array.shape == [1, classes] || array.shape == [classes] else {
      throw CommandError.refused(
        kind: "compare.tensor-shape", "\(path): expected logits \([1, classes]), found \(array.shape)")
    }
    let session = try ModelSource.session(model, invocation)
    let logits = try session.run(try comparisonInput(model, invocation)).logits
    let other = array.floats()
    return Comparison(
      model, place == 0 ? other : logits, place == 0 ? logits : other,
      tolerance: invocation.number(Options.tolerance) ?? 1e-4)
  }

  private static func described(_ model: Model) -> String {
    model.graph.imageInput.map { "\($0.type)" } ?? "none"
  }

  /// One image `[3, H, W]`.
  private static func comparisonInput(_ model: Model, _ invocation: Invocation) throws -> [Float] {
    guard let path = invocation.text(Options.input) else { return try TestInput.noise(for: model.graph) }
    let bytes = try MappedFile.open(path)
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
}

/// Two models side by side, layer by layer.
private struct Comparison {
  struct Layer {
    let name: String
    let shape: [Int]
    /// Greatest absolute difference, and greatest magnitude in A.
    let difference: Float
    let magnitude: Float
  }

  private(set) var layers: [Layer] = []
  private let tolerance: Double
  /// Layers that only one model has.
  private let unmatched: Int

  init(
    _ a: Model, _ b: Model, input: () throws -> [Float], tolerance: Double, _ invocation: Invocation
  ) throws {
    self.tolerance = tolerance
    var values: [String: ReferenceValue] = [:]
    let names = Set(b.graph.nodes.map { b.graph[$0.result].name })
    let first = try ModelSource.session(a, invocation, keepsValues: true)
    // Only once a session has found that its plan fits in memory.
    let input = try input()
    try first.visitValues(input, batch: 1) { name, value in
      if names.contains(name) { values[name] = value }
    }
    let second = try ModelSource.session(b, invocation, keepsValues: true)
    var found: [Layer] = []
    try second.visitValues(input, batch: 1) { name, value in
      guard let other = values.removeValue(forKey: name), other.dims == value.dims else { return }
      let (difference, magnitude) = Comparison.distance(other.elements, value.elements)
      found.append(Layer(name: name, shape: value.dims, difference: difference, magnitude: magnitude))
    }
    layers = found
    let inputs = Set((a.graph.inputs.map { a.graph[$0].name }))
    layers.removeAll { inputs.contains($0.name) }
    unmatched = b.graph.nodes.count - layers.count
    guard !layers.isEmpty else {
      throw CommandError.refused(
        kind: "compare.names", "expected models with layers of one name and shape, found none in common")
    }
  }

  /// Two rows of logits of `model`'s classes.
  init(_ model: Model, _ a: [Float], _ b: [Float], tolerance: Double) {
    self.tolerance = tolerance
    unmatched = 0
    let name = model.graph.output(GraphOutput.logits).map { model.graph[$0].name } ?? GraphOutput.logits
    let (difference, magnitude) = Comparison.distance(a, b)
    layers = [Layer(name: name, shape: [a.count], difference: difference, magnitude: magnitude)]
  }

  /// The greatest difference, and the greatest magnitude in `a`.
  private static func distance(_ a: [Float], _ b: [Float]) -> (difference: Float, magnitude: Float) {
    var (difference, magnitude): (Float, Float) = (0, 0)
    for (x, y) in zip(a, b) {
      let distance = abs(x - y)
      // NaN stays: it is greater than nothing, and must not be lost.
      if !(distance <= difference) { difference = distance.isNaN ? .infinity : distance }
      magnitude = max(magnitude, abs(x))
    }
    return (difference, magnitude)
  }

  private func departs(_ layer: Layer) -> Bool {
    !(Double(layer.difference) <= tolerance * Double(layer.magnitude))
  }

  private var firstDeparture: Layer? { layers.first(where: departs) }

  var object: JSON.Object {
    var object = JSON.Object()
    object["tolerance"] = JSON(tolerance)
    object["max_abs_difference"] = JSON(layers.map(\.difference).max() ?? 0)
    object["first_departure"] = firstDeparture.map { .string($0.name) } ?? .null
    object["layers"] = .array(
      layers.map {
        [
          "name": .string($0.name), "shape": JSON($0.shape), "max_abs_difference": JSON($0.difference),
          "magnitude": JSON($0.magnitude), "departs": JSON(departs($0)),
        ]
      })
    return object
  }

  func show(_ console: Console) {
    var table = Table(
      [.left, .right, .right, .right, .left], header: ["layer", "difference", "magnitude", "ratio", ""])
    for layer in layers {
      let ratio = Double(layer.difference) / Double(layer.magnitude)
      table.add([
        layer.name, Text.significant(Double(layer.difference)), Text.significant(Double(layer.magnitude)),
        layer.magnitude > 0 ? Text.significant(ratio) : "", departs(layer) ? "departs" : "",
      ])
    }
    console.lines(table.lines())
    console.line()
    if unmatched > 0 {
      console.line(
        "\(Text.count(unmatched, "layer")) of B \(unmatched == 1 ? "has" : "have") no counterpart in A")
    }
    if let first = firstDeparture {
      console.line(
        "first departure: \(Text.printable(first.name)), above \(Text.significant(tolerance)) of its magnitude"
      )
    } else {
      console.line("no layer departs by more than \(Text.significant(tolerance)) of its magnitude")
    }
  }
}
