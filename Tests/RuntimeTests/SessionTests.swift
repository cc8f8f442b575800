import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

@Suite struct SessionTests {
  /// What each layer rounds adds up, so networks of more than 64 convolutions sum in shorter parts.
  @Test(arguments: InstructionSet.available.filter { $0 != "portable" })
  func deepNetworksSumInShorterParts(instructionSet: String) throws {
    func firstLayer(of convolutions: Int) throws -> String {
      var net = RandomNetwork(seed: 1)
      var x = try net.builder.input("input", .image(256, 3, 3))
      for _ in 0..<convolutions { x = try net.convolution(x, 256) }
      let model = try net.head(x, classes: 3)
      var options = SessionOptions(threads: 1)
      options.instructionSet = instructionSet
      let session = try Session(model: model, options: options)
      let layer = try #require(session.plan.steps.first { $0.macs > 0 }?.layer)
      return try #require(session.plan.assembly(ofLayer: layer))
    }
    let (few, many) = (try firstLayer(of: 64), try firstLayer(of: 65))
    #expect(try firstLayer(of: 63) == few && firstLayer(of: 66) == many)
    #expect(few != many)
  }

  /// A small graph that draws its operations at random, every kind in reach.
  static func randomModel(_ seed: UInt64) throws -> Model {
    var net = RandomNetwork(seed: seed)
    let (height, width) = (net.random.nextInt(in: 5..<18), net.random.nextInt(in: 5..<18))
    var x = try net.builder.input("input", .image(net.random.nextInt(in: 1..<6), height, width))
    for _ in 0..<net.random.nextInt(in: 3..<12) { x = try grow(&net, x) }
    if net.random.nextInt(in: 0..<4) == 0 { x = try net.append(.globalMaxPool(GlobalMaxPool()), [x]) }
    if net.random.nextInt(in: 0..<3) > 0 { x = try net.append(.globalAveragePool(GlobalAveragePool()), [x]) }
    x = try net.append(.flatten(Flatten()), [x])
    if net.random.nextInt(in: 0..<2) == 0 {
      x = try net.append(.scalarAffineClamp(ScalarAffineClamp(scale: 1.5, offset: -0.125)), [x])
    }
    try net.builder.output(GraphOutput.features, x)
    if net.random.nextInt(in: 0..<2) == 0 { x = try net.append(.dropout(Dropout(rate: 0.5)), [x]) }
    x = try net.linear(x, net.random.nextInt(in: 1..<70), bias: net.random.nextInt(in: 0..<2) == 0)
    if net.random.nextInt(in: 0..<4) == 0 { x = try net.append(.softmax(Softmax()), [x]) }
    try net.builder.output(GraphOutput.logits, x)
    return try net.model()
  }

  /// One more layer, or a small block of them, on `x`.
  private static func grow(_ net: inout RandomNetwork, _ x: ValueID) throws -> ValueID {
    let type = net.builder[x].type
    let channels = type.channels
    switch net.random.nextInt(in: 0..<13) {
    case 0, 1:
      let kernel = Extent(net.random.nextInt(in: 1..<4), net.random.nextInt(in: 1..<4))
      let strides = Extent(net.random.nextInt(in: 1..<3), net.random.nextInt(in: 1..<3))
      return try net.convolution(
        x, net.random.nextInt(in: 1..<34), kernel: kernel, strides: strides,
        padding: Padding(
          top: net.random.nextInt(in: 0..<3), left: net.random.nextInt(in: 1..<3),
          bottom: net.random.nextInt(in: 2..<3), right: net.random.nextInt(in: 1..<3)),
        relu: net.random.nextInt(in: 0..<2) == 0)
    case 2: return try net.batchNorm(x)
    case 3: return try net.append(.relu(Relu()), [x])
    case 4:
      let inner = try net.convolution(x, channels, kernel: Extent(3, 3), padding: Padding(1), relu: true)
      return try net.convolution(inner, channels, residual: x, relu: true)
    case 5:
      let inner = try net.convolution(x, channels, kernel: Extent(3, 3), padding: Padding(1), bias: false)
      let sum = try net.append(.add(Add()), [try net.batchNorm(inner), x])
      return try net.append(.relu(Relu()), [sum])
    case 6:
      let pooled = try net.append(.globalAveragePool(GlobalAveragePool()), [x])
      let squeezed = try net.convolution(pooled, 4, relu: true)
      let gate = try net.append(.sigmoid(Sigmoid()), [try net.convolution(squeezed, channels)])
      return try net.append(.channelMultiply(ChannelMultiply()), [x, gate])
    case 7:
      let sliced = try net.append(.stridedSlice(StridedSlice(strides: Extent(2, 2))), [x])
      return try net.append(.channelPad(ChannelPad(before: 3, after: 5)), [sliced])
    case 8, 9:
      guard type.spatial.height > 3, type.spatial.width > 3 else { return x }
      let window = Window(
        kernel: Extent(3, 2), strides: Extent(2, 2),
        padding: Padding(top: net.random.nextInt(in: 0..<2), left: 1, bottom: 1, right: 0),
        ceilMode: net.random.nextInt(in: 0..<2) == 0)
      if net.random.nextInt(in: 0..<2) == 0 { return try net.append(.maxPool(MaxPool(window: window)), [x]) }
      let counts = net.random.nextInt(in: 0..<2) == 0
      return try net.append(.averagePool(AveragePool(window: window, countIncludePad: counts)), [x])
    case 10: return try net.append(.identity(Identity()), [x])
    case 11:
      let samples = OpSample.elementwise
      return try net.append(samples[net.random.nextInt(in: 0..<samples.count)].op, [x])
    default:
      let wide = try net.convolution(x, 32, relu: true)
      return try net.convolution(
        wide, 32, kernel: Extent(3, 3), padding: Padding(1),
        groups: [1, 2, 4, 8, 32][net.random.nextInt(in: 0..<5)])
    }
  }

  @Test(arguments: 0..<120 as Range<UInt64>, InstructionSet.available)
  func engineAgreesWithTheReference(seed: UInt64, instructionSet: String) throws {
    let model = try Self.randomModel(seed)
    var random = SeededRandom(seed: seed + 1000)
    let batch = 1 + Int(seed % 3)
    let input = (0..<model.graph.inputs.reduce(batch) { $0 * model.graph[$1].type.elementCount }).map { _ in
      Float(random.nextGaussian())
    }
    let reference = try ReferenceInterpreter(model, input: input, batch: batch)
    var options = SessionOptions(threads: 2)
    options.instructionSet = instructionSet
    let found = try Session(model: model, options: options).run(input)
    #expect(found.batch == batch)
    expectClose(
      found.logits, try #require(reference.output(GraphOutput.logits)).elements, tolerance: 1e-5,
      "\(instructionSet) seed \(seed)")
    expectClose(
      found.features, try #require(reference.output(GraphOutput.features)).elements, tolerance: 1e-5,
      "\(instructionSet) seed \(seed)")

    options.keepsValues = true
    let keeping = try Session(model: model, options: options)
    var names = Set<String>()
    try keeping.visitValues(input, batch: batch) { name, value in
      names.insert(name)
      guard let expected = reference[name] else { return }
      #expect(value.dims == expected.dims)
      expectClose(
        value.elements, expected.elements, tolerance: 1e-5, "\(instructionSet) seed \(seed) %\(name)")
    }
    #expect(names == Set(reference.values.keys))
  }

  /// A block of one convolution reads and adds the same value, which the sum must not overwrite.
  @Test(arguments: InstructionSet.available, [3, 20])
  func aConvolutionMayAddWhatItReads(instructionSet: String, channels: Int) throws {
    var net = RandomNetwork(seed: 14)
    let input = try net.builder.input("input", .image(channels, 9, 11))
    let x = try net.append(.relu(Relu()), [input])
    let y = try net.convolution(
      x, channels, kernel: Extent(3, 3), padding: Padding(1), residual: x, relu: true)
    let model = try net.head(y, classes: 4)
    let picture = net.gaussians(channels * 9 * 11)
    let reference = try ReferenceInterpreter(model, input: picture, batch: 1)
    var options = SessionOptions(threads: 1)
    options.instructionSet = instructionSet
    expectClose(
      try Session(model: model, options: options).run(picture).features,
      try #require(reference.output(GraphOutput.features)).elements, tolerance: 1e-5, instructionSet)
  }

  @Test(arguments: InstructionSet.available)
  func bitsDependOnNothingButThePicture(instructionSet: String) throws {
    let model = try bottleneckNetwork(
      seed: 3, resolution: Extent(45, 38), blocks: [1, 2, 1, 1], width: 16, classes: 33)
    let perImage = 3 * 45 * 38
    var random = SeededRandom(seed: 9)
    let images = (0..<11 * perImage).map { _ in Float(random.nextGaussian()) }
    var options = SessionOptions(threads: 1)
    options.instructionSet = instructionSet
    let single = try Session(model: model, options: options)
    let expected = try (0..<11).map { try single.run(Array(images[$0 * perImage..<($0 + 1) * perImage])) }
    let logits = expected.flatMap(\.logits)
    let features = expected.flatMap(\.features)
    for (threads, maximumBatch) in [(1, 1), (2, 1), (2, 3), (2, 8), (1, 64)] {
      options.threads = threads
      options.maximumBatch = maximumBatch
      let session = try Session(model: model, options: options)
      for _ in 0..<3 {
        let found = try session.run(images)
        #expect(found.logits == logits)
        #expect(found.features == features)
      }
    }
  }

  /// A caller's memory is aligned to floats and to nothing more.
  @Test(arguments: InstructionSet.available)
  func callersMemoryNeedsNoAlignment(instructionSet: String) throws {
    let model = try bottleneckNetwork(
      seed: 4, resolution: Extent(32, 32), blocks: [1, 1, 1, 1], width: 16, classes: 10)
    var options = SessionOptions()
    options.instructionSet = instructionSet
    let session = try Session(model: model, options: options)
    var random = SeededRandom(seed: 10)
    let picture = (0..<3 * 32 * 32).map { _ in Float(random.nextGaussian()) }
    let expected = try session.run(picture).logits
    for shift in 1..<4 {
      let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: picture.count + 10 + shift)
      defer { memory.deallocate() }
      let input = UnsafeMutableBufferPointer(rebasing: memory[shift..<shift + picture.count])
      let logits = UnsafeMutableBufferPointer(rebasing: memory[(shift + picture.count)...])
      _ = input.initialize(fromContentsOf: picture)
      try session.run(UnsafeBufferPointer(input), batch: 1, logits: logits)
      #expect(Array(logits) == expected, "shifted by \(shift) floats")
    }
  }

  @Test(
    arguments: [Extent(1, 1), Extent(1, 7), Extent(2, 3), Extent(31, 33), Extent(40, 9)],
    InstructionSet.available)
  func everySizeRuns(size: Extent, instructionSet: String) throws {
    let model = try bottleneckNetwork(
      seed: 6, resolution: size, blocks: [1, 1, 1, 1], width: 16, groups: 4, groupWidth: 4, classes: 10)
    var random = SeededRandom(seed: 7)
    let input = (0..<2 * 3 * size.area).map { _ in Float(random.nextGaussian()) }
    var options = SessionOptions()
    options.instructionSet = instructionSet
    let found = try Session(model: model, options: options).run(input)
    let reference = try ReferenceInterpreter(model, input: input, batch: 2)
    expectClose(
      found.logits, try #require(reference.output(GraphOutput.logits)).elements, tolerance: 1e-5,
      "\(instructionSet) \(size)")
  }

  /// Every value of a pass is planned apart while it is alive, and a keeping plan reuses nothing.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func liveBuffersOfAPlanNeverMeet(seed: UInt64) throws {
    let model = try Self.randomModel(seed)
    for keepsValues in [false, true] {
      var options = SessionOptions(threads: 1)
      options.keepsValues = keepsValues
      let plan = try Session(model: model, options: options).plan
      for (i, a) in plan.buffers.enumerated() {
        #expect(a.offset + a.byteCount <= plan.arenaByteCount)
        for b in plan.buffers[(i + 1)...] where a.firstStep <= b.lastStep && b.firstStep <= a.lastStep {
          #expect(
            a.offset + a.byteCount <= b.offset || b.offset + b.byteCount <= a.offset,
            "seed \(seed): \(a.value) and \(b.value) meet")
        }
      }
    }
  }

  @Test func aModelFileOpensAsASession() throws {
    let model = try bottleneckNetwork(
      seed: 8, resolution: Extent(32, 32), blocks: [1, 1, 1, 1], width: 16, classes: 10)
    let folder = try TemporaryFolder()
    let path = folder.path + "/session.bin"
    try ModelFile.write(model, to: path)
    var random = SeededRandom(seed: 9)
    let input = (0..<3 * 32 * 32).map { _ in Float(random.nextGaussian()) }
    let session = try Session(contentsOf: path)
    #expect(session.inputShape == [3, 32, 32])
    #expect(session.classCount == 10 && session.featureCount == 512)
    #expect(try session.run(input) == Session(model: model).run(input))
    #expect(throws: RuntimeError.model(.file(.notFound(path: path + "x")))) {
      _ = try Session(contentsOf: path + "x")
    }
  }

  @Test func theMachineIsDescribed() throws {
    let report = try MachineReport.current()
    #expect(InstructionSet.known.contains(report.isa))
    #expect(report.threads >= 1 && !report.threadReason.isEmpty && !report.reason.isEmpty)
    #expect(try PeakRate.measure(isa: "portable") > 0)
    let plan = try Session(model: Self.randomModel(1)).plan
    #expect(plan.text.contains("arena \(plan.arenaByteCount) bytes"))
    for step in plan.steps { #expect(plan.text.contains(step.kernel)) }
  }

  @Test("row 20: many tasks share a session") func manyTasksShareASession() async throws {
    let model = try bottleneckNetwork(
      seed: 4, resolution: Extent(32, 32), blocks: [1, 1, 1, 1], width: 16, classes: 10)
    let session = try Session(model: model)
    var random = SeededRandom(seed: 5)
    let inputs = (0..<64).map { _ in (0..<3 * 32 * 32).map { _ in Float(random.nextGaussian()) } }
    let expected = try inputs.map { try session.run($0) }
    let found = try await withThrowingTaskGroup(of: (Int, Session.Output).self) { group in
      for (index, input) in inputs.enumerated() { group.addTask { (index, try session.run(input)) } }
      var found: [Int: Session.Output] = [:]
      for try await (index, output) in group { found[index] = output }
      return found
    }
    for (index, output) in expected.enumerated() { #expect(found[index] == output) }
  }

  @Test func wrongSizesAreRefusedWithTheFigures() throws {
    let model = try bottleneckNetwork(
      seed: 4, resolution: Extent(32, 32), blocks: [1, 1, 1, 1], width: 16, classes: 10)
    let session = try Session(model: model)
    #expect(throws: RuntimeError.inputSize(batch: 1, shape: [3, 32, 32], expected: 3072, found: 3071)) {
      _ = try session.run([Float](repeating: 0, count: 3071))
    }
    #expect(throws: RuntimeError.inputSize(batch: 1, shape: [3, 32, 32], expected: 3072, found: 0)) {
      _ = try session.run([])
    }
    var short = [Float](repeating: 0, count: 9)
    #expect(throws: RuntimeError.outputSize(name: "logits", expected: 10, found: 9)) {
      let input = [Float](repeating: 0, count: 3072)
      try input.withUnsafeBufferPointer { input in
        try short.withUnsafeMutableBufferPointer { try session.run(input, batch: 1, logits: $0) }
      }
    }
  }

  @Test("row 15: a plan beyond memory is refused before it is made")
  func aPlanBeyondMemoryIsRefusedBeforeItIsMade() throws {
    let model = try bottleneckNetwork(
      seed: 4, resolution: Extent(32768, 32768), blocks: [1, 1, 1, 1], width: 16, classes: 10)
    do {
      _ = try Session(model: model)
      Issue.record("a plan of many terabytes was made")
    } catch RuntimeError.planTooLarge(let needed, let available) {
      #expect(needed > available)
      // The input alone, which is refused where the machine has less than that, or with the first layer's result.
      #expect(needed >= 3 * 32768 * 32768 * 4)
    }
  }

  /// A small file may name one constant in any number of layers, each of which packs it for itself.
  @Test(arguments: InstructionSet.available) func sharedWeightsAreCountedInEachLayer(
    instructionSet: String
  ) throws {
    var net = RandomNetwork(seed: 13)
    let channels = 1024
    var x = try net.builder.input("input", .image(channels, 1, 1))
    let weights = try net.builder.constant("shared", shape: [channels, channels, 3, 3])
    let byteCount = channels * channels * 9 * 4
    net.constants["shared"] = Tensor(
      shape: [channels, channels, 3, 3], [Float](repeating: 0, count: byteCount / 4))
    for _ in 0...(MachineMemory.availableByteCount() / byteCount + 100) {
      x = try net.append(.conv2d(Conv2D(padding: Padding(1))), [x, weights])
    }
    let model = try net.head(x, classes: 3)
    var options = SessionOptions(threads: 1)
    options.instructionSet = instructionSet
    do {
      _ = try Session(model: model, options: options)
      Issue.record("more weights than memory were planned")
    } catch RuntimeError.planTooLarge(let needed, let available) {
      #expect(needed > available && available > byteCount)
    }
  }

  @Test("row 15: absurd padding is refused by its memory") func absurdPaddingIsRefusedByItsMemory() throws {
    var net = RandomNetwork(seed: 12)
    var x = try net.builder.input("input", .image(3, 8, 8))
    for _ in 0..<6 {
      x = try net.append(.maxPool(MaxPool(window: Window(kernel: Extent(1, 1), strides: Extent(1, 1)))), [x])
    }
    for _ in 0..<6 {
      let far = Extent(square: 1 << 20)
      _ = try net.convolution(x, 64, strides: far, padding: Padding(1 << 20))
      x = try net.append(.maxPool(MaxPool(window: Window(kernel: Extent(1, 1), strides: Extent(1, 1)))), [x])
    }
    let model = try net.head(x, classes: 4)
    do {
      _ = try Session(model: model)
      Issue.record("a border of a million pixels was planned")
    } catch RuntimeError.planTooLarge(let needed, let available) {
      #expect(needed > available)
    }
  }
}
