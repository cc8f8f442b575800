import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

/// Fine-tuning of heads other than one linear layer on the pooled row: what is trained on is what the classifier reads.
@Suite struct HeadTests {
  let data: PictureFolder

  init() throws { data = try PictureFolder(classes: 3, perClass: 6) }

  enum Head: CaseIterable { case linear, neck, hidden, none }

  /// A convolution, its batch norm, the mean over the map, and a head.
  private func model(_ head: Head) throws -> Model {
    var builder = GraphBuilder(name: "net")
    var constants = Constants()
    var random = SeededRandom(seed: 4)
    func constant(_ name: String, _ shape: [Int], around middle: Float = 0) throws -> ValueID {
      constants[name] = Tensor(
        shape: shape, (0..<shape.reduce(1, *)).map { _ in middle + 0.3 * Float(random.nextGaussian()) })
      return try builder.constant(name, shape: shape)
    }
    func norm(_ x: ValueID, _ name: String, _ count: Int) throws -> ValueID {
      var operands = [x]
      for (leaf, middle) in [("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 2)]
        as [(String, Float)]
      {
        operands.append(try constant("\(name).\(leaf)", [count], around: middle))
      }
      return try builder.append(.batchNorm(.init(epsilon: 1e-5)), operands, name: name)
    }
    func linear(_ x: ValueID, _ name: String, _ rows: Int, _ columns: Int) throws -> ValueID {
      try builder.append(
        .linear(.init(hasBias: true)),
        [x, constant(name + ".weight", [rows, columns]), constant(name + ".bias", [rows])], name: name)
    }
    let input = try builder.input("input", .image(3, 16, 16))
    var x = try builder.append(
      .conv2d(Conv2D(strides: Extent(square: 2), padding: Padding(1))),
      [input, constant("conv1.weight", [8, 3, 3, 3])],
      name: "conv1")
    x = try builder.append(.relu(.init()), [try norm(x, "bn1", 8)], name: "relu")
    x = try builder.append(.globalAveragePool(.init()), [x], name: "avgpool")
    x = try builder.append(.flatten(.init()), [x], name: "flatten")
    let features = x
    switch head {
    case .linear: x = try linear(x, "fc", 3, 8)
    case .neck: x = try linear(norm(x, "neck", 8), "fc", 3, 8)
    case .hidden:
      x = try builder.append(.relu(.init()), [linear(x, "fc.0", 5, 8)], name: "fc.1")
      x = try linear(x, "fc.2", 3, 5)
    case .none: break
    }
    if head != .none { try builder.output(GraphOutput.logits, x) }
    try builder.output(GraphOutput.features, features)
    return try Model(
      graph: builder.build(), constants: constants,
      metadata: ModelMetadata(
        architecture: "net", trainResolution: Extent(square: 16),
        labels: head == .none ? [] : (0..<3).map { "class \($0)" }))
  }

  private func tuned(_ model: Model, _ mode: FineTuningOptions.Mode, newHead: Bool) throws -> FineTuningResult
  {
    let folder = try ImageFolder(path: data.folder.path)
    var metadata = model.metadata
    if newHead { metadata.labels = folder.classes }
    let pictures = LabelledPictures(folder, try ClassMatching(folder.classes, metadata, classCount: 3))
    var options = FineTuningOptions(resolution: Extent(square: 24))
    options.mode = mode
    options.newHead = newHead ? folder.classes : nil
    options.schedule.epochs = 8
    options.schedule.batchSize = 6
    options.schedule.learningRate = 0.2
    return try FineTuning(
      model, training: pictures, validation: pictures, options: options,
      preprocessor: FineTuning.statedPreprocessor
    ).run()
  }

  /// The loss over the rows that were kept is that of the written network, run from its pixels.
  @Test(arguments: Head.allCases, [FineTuningOptions.Mode.classifier, .statistics])
  func whatIsTrainedOnIsWhatTheClassifierReads(_ head: Head, _ mode: FineTuningOptions.Mode) throws {
    let model = try model(head)
    for newHead in head == .none ? [true] : [false, true] {
      let result = try tuned(model, mode, newHead: newHead)
      let (first, last) = (try #require(result.epochs.first), try #require(result.epochs.last))
      #expect(last.loss < first.loss, "\(head) \(mode)")
      #expect(abs((last.validateLoss ?? 0) - result.after.score.loss) < 1e-4, "\(head) \(mode)")
      #expect(result.model.classCount == 3 && result.model.graph.output(GraphOutput.features) != nil)
      // Nothing before the classifier has changed but for the statistics of the last batch norm of maps.
      let classifier = ["fc.weight", "fc.bias", "fc.2.weight", "fc.2.bias"]
      for name in model.constants.names where !classifier.contains(name) && !name.hasPrefix("bn1.running") {
        #expect(result.model.constants[name] == model.constants[name], "\(name)")
      }
    }
  }

  @Test func withoutAClassifierOneIsNeeded() throws {
    #expect(throws: MethodError.self) { try tuned(try model(.none), .classifier, newHead: false) }
  }
}
