import FixresBase
import FixresIR

/// Builds the unfused graph of the network that an ONNX model computes, independent of its exporter.
///
/// Specification: IR.md and Operators.md of onnx. The nodes that the output depends on (`OnnxPlan`) are
/// visited once, in file order, as an abstract interpretation: each value is
///
///     activation   a value of the graph, and the order of axes in which ONNX sees it (`OnnxAxis`)
///     constant     a tensor of the model, converted when a layer reads it
///     sizes        integers computed from shapes, in which the batch is a symbol
///     product      a matrix product that waits for its bias
///
/// So layout transposes change axes only, shape arithmetic is evaluated, and constants are folded; a node
/// adds to the graph only where it computes. By extension: `+Operators` dispatches, `+Layers`, `+Rows` and
/// `+Elementwise` have the layers, `+Layout` reshapes and pads, `+Sizes` and `+ConstantNodes` evaluate,
/// `+Constants` declares weights.
struct OnnxImporter {
  /// The model's file, for errors and files beside it.
  let path: String
  /// Facts that the caller states.
  let options: ImportOptions
  /// The parsed file.
  let model: OnnxModel
  /// Converts tensors.
  let reader: OnnxTensorReader

  /// The graph so far.
  var graph: GraphBuilder
  /// The values so far, by their names in the model.
  var values: [String: OnnxValue] = [:]
  /// Data of the graph's constants.
  var constants = Constants()
  /// Declared constants by form, shape and name, so that layers can share one.
  var declared: [String: ValueID] = [:]
  /// Names of the graph's values and constants.
  var names = OnnxNames()
  /// Values without negative elements.
  var nonNegative: Set<ValueID> = []
  /// Results of a Sigmoid.
  var sigmoids: Set<ValueID> = []
  /// What each result of element-wise operations is computed from by them alone.
  var elementwiseSources: [ValueID: ValueID] = [:]
  /// What each result of a Clip is computed from.
  var clamps: [ValueID: (source: ValueID, clamp: Clamp)] = [:]
  /// What the graph does with the picture, for the picture and each value that it normalises.
  var inputMaps: [ValueID: OnnxInputMap] = [:]
  /// The same for what the first convolution reads; nil before it.
  var normalization: OnnxInputMap?
  /// What the outputs mean, where a Softmax or a Sigmoid says it.
  var meaning: OutputMeaning?
  /// The input of each linear layer, by its result.
  var linearOperands: [ValueID: ValueID] = [:]
  /// The batch size of the export; nil for a symbolic one.
  var fixedBatch: Int?
  /// Results that a convolution or pool depends on; see `OnnxPlan`.
  var leadingToMaps: Set<String> = []
  /// Results that no layer depends on; see `OnnxPlan`.
  var trailing: Set<String> = []
  /// Constants of one repeated number, allocated once the whole model is accepted.
  var fills: [(name: String, shape: [Int], value: Float, place: OnnxFault.Place)] = []
  /// Facts that nothing states, a sentence each.
  var assumed: [String] = []
  /// Findings about weights, a sentence each.
  var warnings: [String] = []
  /// Other non-fatal findings, a sentence each.
  var notes: [String] = []
  /// Facts of the `config.json` in the model's folder.
  let configuration: SourceConfiguration?

  /// The network in `bytes`; `path` names the file in errors and finds external data and `config.json`.
  ///
  /// - Throws: `FormatError`.
  static func load(
    _ bytes: Bytes, path: String, options: ImportOptions
  ) throws(FormatError) -> ImportResult {
    if let option = options.checkpointOnly.first {
      throw .architecture(
        path: path,
        .invalidOption(
          name: option, expected: "a checkpoint", found: "an ONNX model, whose graph already says it"))
    }
    let model = try OnnxModelParser.parse(bytes, path: path)
    guard let graph = model.graph else {
      throw .onnx(path: path, OnnxFault(.graph, expected: "a graph", found: "none"))
    }
    try checkAsPeersDo(model, graph, path: path)
    let configuration = try SourceConfiguration.beside(path)
    let outputs = try OnnxOutput.candidates(graph, stated: options.graphOutput, path: path)
    var failure: (output: String, error: FormatError)?
    for output in outputs {
      var importer = OnnxImporter(
        path: path, options: options, model: model, configuration: configuration, byteCount: bytes.count)
      importer.notes = failure.map { ["the output \($0.output.debugDescription) cannot be compiled"] } ?? []
      do {
        let result = try importer.run(graph, output)
        // Instead of an output that fails, only one that a classifier gives.
        if failure == nil || !importer.linearOperands.isEmpty { return result }
      } catch {
        failure = failure ?? (output.name, error)
      }
    }
    throw failure?.error
      ?? .onnx(path: path, OnnxFault(.graph, expected: "an output", found: "none"))
  }

  /// Refuses what onnx.checker refuses, also in nodes and weights that the output does not depend on.
  private static func checkAsPeersDo(
    _ model: OnnxModel, _ graph: OnnxGraph, path: String
  ) throws(FormatError) {
    for node in graph.nodes {
      do { try node.checkSchema(opset: model.opset, irVersion: model.irVersion) } catch {
        throw .onnx(path: path, error)
      }
    }
    guard model.irVersion < 4 else { return }
    let inputs = Set(graph.inputs.map { UTF8Key($0.name) })
    for tensor in graph.initializers where !inputs.contains(UTF8Key(tensor.name)) {
      throw .onnx(
        path: path,
        OnnxFault(tensor.place, expected: "an input of its name, as before ir_version 4", found: "none"))
    }
  }

  private init(
    path: String, options: ImportOptions, model: OnnxModel, configuration: SourceConfiguration?,
    byteCount: Int
  ) {
    let graphName = model.graph?.name ?? ""
    self.configuration = configuration
    self.path = path
    self.options = options
    self.model = model
    reader = OnnxTensorReader(path: path, modelByteCount: byteCount)
    graph = GraphBuilder(name: graphName.isEmpty ? "onnx" : graphName)
  }

  /// Version of the default operator set.
  var opset: Int { Int(model.opset) }

  /// The error for a node that is not supported.
  func fault(_ node: OnnxNode, _ expected: String, _ found: String, hint: String? = nil) -> FormatError {
    .onnx(path: path, OnnxFault(node.place, expected: expected, found: found, hint: hint))
  }

  /// The error for another part of the model.
  func fault(_ place: OnnxFault.Place, _ expected: String, _ found: String) -> FormatError {
    .onnx(path: path, OnnxFault(place, expected: expected, found: found))
  }

  // MARK: Input

  private mutating func run(
    _ source: OnnxGraph, _ output: OnnxOutput
  ) throws(FormatError) -> ImportResult {
    try declareInitializers(source)
    try refuseQuantised(source)
    let plan = try OnnxPlan(source, output: output.value, known: Set(values.keys), path: path)
    (leadingToMaps, trailing) = (plan.leadingToMaps, plan.trailing)
    try declareInput(plan)
    for index in plan.order { try visit(source.nodes[index]) }
    try finish(plan.output)
    let built: Graph
    do {
      built = PooledRow.stated(
        in: try ActivationPatterns.recognised(in: graph.build()), hasScores: meaning != nil)
    } catch {
      throw .model(path: path, error)
    }
    let metadata = try metadata(built, outputs: source.outputs.count, output)
    notes = (configuration?.notes ?? []) + notes
    for fill in fills { constants[fill.name] = try reader.filled(fill.value, fill.shape, fill.place) }
    let model: Model
    do {
      model = try Model(graph: built, constants: constants, metadata: metadata)
    } catch {
      throw .model(path: path, error)
    }
    return ImportResult(
      model: model, architecture: metadata.architecture, assumed: assumed, wrapper: nil,
      parameters: ImportResult.parameterCount(of: built), ignored: [],
      notes: notes + WeightCheck.summary(warnings))
  }

  private mutating func declareInitializers(_ source: OnnxGraph) throws(FormatError) {
    for tensor in source.initializers {
      guard values[tensor.name] == nil else {
        throw fault(.tensor(tensor.name), "one initializer of the name", "two")
      }
      values[tensor.name] = .constant(try constant(of: tensor, name: tensor.name))
    }
    for name in source.sparse {
      guard values[name] == nil else { throw fault(.tensor(name), "one initializer of the name", "two") }
    }
  }

  private func refuseQuantised(_ source: OnnxGraph) throws(FormatError) {
    let marks = ["uantizeLinear", "QLinear", "ConvInteger", "MatMulInteger"]
    for node in source.nodes where marks.contains(where: { node.op.contains($0) }) {
      throw fault(
        node, "a float model", "a quantised one",
        hint: "Export the float model that it was quantised from; int8 models are not read.")
    }
  }

  private mutating func declareInput(_ plan: OnnxPlan) throws(FormatError) {
    let info = plan.input
    let place = OnnxFault.Place.input(info.name)
    // float32, float16, double and bfloat16; 0 where the file states no type.
    guard [0, 1, 10, 11, 16].contains(info.elementType) else {
      let type = ElementType(onnxCode: info.elementType)?.rawValue ?? "type \(info.elementType)"
      throw fault(place, "pictures of float32", type)
    }
    let dims = info.dims ?? [nil, nil, nil, nil]
    guard dims.count == 4 else {
      throw fault(place, "pictures [N, C, H, W]", "\(dims.count) axes")
    }
    let isChannelsLast =
      plan.startsWithTranspose ? dims[1] != 3 || dims[3] == 3 : dims[3] == 3 && dims[1] != 3
    let axes: [OnnxAxis] =
      isChannelsLast ? [.batch, .height, .width, .channel] : OnnxActivation.imageAxes
    func size(_ axis: OnnxAxis) -> Int? {
      axes.firstIndex(of: axis).flatMap { dims[$0] }.flatMap { $0 > 0 ? Int($0) : nil }
    }
    fixedBatch = size(.batch)
    let side = options.trainResolution ?? configuration?.trainResolution ?? Extent(square: 224)
    let (height, width) = (size(.height) ?? side.height, size(.width) ?? side.width)
    if size(.height) == nil || size(.width) == nil { assumed.append("pictures of \(side)") }
    for side in [height, width, size(.channel) ?? 3] where side > 32768 {
      throw fault(place, "sides of 1 to 32768", "\(side)")
    }
    let name = names.unique(info.name)
    do {
      let value = try graph.input(name, .image(size(.channel) ?? 3, height, width))
      values[info.name] = .activation(OnnxActivation(value: value, axes: axes))
      inputMaps[value] = OnnxInputMap(channels: size(.channel) ?? 3)
    } catch { throw .model(path: path, error) }
  }

  // MARK: Output

  private mutating func finish(_ output: String) throws(FormatError) {
    guard let last = values[output] else { throw fault(.graph, "an output that a node makes", output) }
    let result: OnnxActivation
    switch last {
    case .activation(let activation): result = activation
    case .product(let product): result = try settle(product, output)
    case .constant, .sizes:
      throw fault(.graph, "an output \(output.debugDescription) that depends on the picture", "a constant")
    }
    guard result.padding == nil else { throw fault(.graph, "a layer after the last Pad", "the output") }
    guard result.power == nil, result.meanOfPowers == nil else {
      throw fault(.graph, "a whole generalized mean", "powers as the output")
    }
    meaning = result.meaning
    var logits = result.value
    if graph[logits].type.isImage {
      guard graph[logits].type.spatial == Extent(1, 1) else {
        throw fault(
          .graph, "logits [N, classes] as the output \(output.debugDescription)", "\(graph[logits].type)")
      }
      do {
        logits = try graph.append(
          .flatten(.init()), [logits], name: names.unique(graph[logits].name + ".flatten"))
      } catch { throw .model(path: path, error) }
    }
    do {
      try graph.output(GraphOutput.logits, logits)
    } catch { throw .model(path: path, error) }
  }

  // MARK: Graph

  /// Adds `op` to the graph, its result named after the node's first output.
  mutating func append(
    _ op: Op, _ operands: [ValueID], _ node: OnnxNode, suffix: String = ""
  ) throws(FormatError) -> ValueID {
    let name = names.unique((node.outputs.first ?? node.name) + suffix)
    do { return try graph.append(op, operands, name: name) } catch { throw .model(path: path, error) }
  }

  /// Defines the first output of `node`.
  mutating func set(_ node: OnnxNode, _ value: OnnxValue) throws(FormatError) {
    guard let name = node.outputs.first, !name.isEmpty else { throw fault(node, "an output", "none") }
    values[name] = value
  }
}
