import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import Testing

/// What `adapt --tune` may choose, what a file may make the engine do, and what the choices may change: no bit.
@Suite struct TuningTests {
  static let kernelSets = InstructionSet.available.filter { $0 != "portable" }
  /// Texts that name no kernel, or none for any layer of these tests.
  static let nonsense = [
    "", " ", "direct", "direct 1x6x4", "direct 1x6x4 pixels ", " direct 1x6x4 pixels", "direct 0x6x4 pixels",
    "direct 1x0x4 pixels", "direct 1x6x0 pixels", "direct -1x6x4 pixels", "direct 1x6x4 sideways",
    "direct 1x99999x4 pixels", "direct 1x6x99999 groups", "direct 99999x1x1 pixels", "direct 1x6x5 groups",
    "direct 1x31x4 groups", "direct 1x31x1 rows99999", "direct 1x1x1 rows0", "direct 1x1x1 rows1",
    "direct 1x1x1 rows", "direct 01x1x1 pixels", "direct 1x1x1x1 pixels",
    "direct 999999999999999999999x1x1 pixels",
    "winograd4 99999x4 chunked", "winograd4 0x4 chunked", "winograd4 99999 replicated",
    "winograd3 1x1 chunked",
    "winograd4 1x1 replicated", "winograd4 1 chunked", "winograd4 1x9 chunked", "grouped4", "portable",
    "direct １x1x1 pixels", "direct 1x1x1 pixels\0", String(repeating: "x", count: 500),
  ]

  private static func network(_ seed: UInt64 = 3) throws -> (model: Model, input: [Float]) {
    let model = try bottleneckNetwork(
      seed: seed, resolution: Extent(45, 38), blocks: [1, 2, 1, 1], width: 32, classes: 33)
    var random = SeededRandom(seed: 9)
    return (model, (0..<3 * 3 * 45 * 38).map { _ in Float(random.nextGaussian()) })
  }

  private static func session(_ model: Model, _ instructionSet: String, threads: Int = 2) throws -> Session {
    var options = SessionOptions(threads: threads)
    options.instructionSet = instructionSet
    return try Session(model: model, options: options)
  }

  /// `model` with a kernel for every convolution, `kernel(layer)`, for this machine.
  private static func tuned(
    _ model: Model, _ instructionSet: String, processor: String? = nil, _ kernel: (String) -> String
  ) throws -> Model {
    let backend = try InstructionSet.choose(requested: instructionSet).backend
    let layers = model.graph.nodes.compactMap { node in
      if case .conv2d = node.op { model.graph[node.result].name } else { nil }
    }
    var tuned = model
    tuned.tunings = [
      Tuning(
        processor: processor ?? backend.processor, instructionSet: instructionSet,
        choices: layers.map { .init(layer: $0, kernel: kernel($0)) })
    ]
    return tuned
  }

  @Test(arguments: kernelSets) func nonsenseIsPassedOver(instructionSet: String) throws {
    let (model, input) = try Self.network()
    let plain = try Self.session(model, instructionSet)
    let expected = try plain.run(input)
    for text in Self.nonsense {
      let session = try Self.session(try Self.tuned(model, instructionSet) { _ in text }, instructionSet)
      #expect(!session.plan.steps.contains { $0.chosenBy == .tuned }, "\(text)")
      #expect(session.plan.steps.contains { $0.chosenBy == .misfit }, "\(text)")
      #expect(session.plan.steps.map(\.kernel) == plain.plan.steps.map(\.kernel), "\(text)")
      #expect(try session.run(input) == expected, "\(text)")
    }
    let session = try Self.session(try Self.tuned(model, instructionSet) { _ in "nonsense" }, instructionSet)
    #expect(session.plan.text.contains("cost model, the tuned kernel does not fit"))
  }

  @Test(arguments: kernelSets) func anotherMachinesTuningIsPassedOver(instructionSet: String) throws {
    let (model, input) = try Self.network()
    let plain = try Self.session(model, instructionSet)
    let known = "direct 1x1x1 groups"
    let here = try Self.session(try Self.tuned(model, instructionSet) { _ in known }, instructionSet)
    #expect(here.plan.steps.contains { $0.chosenBy == .tuned } && here.plan.text.contains("tuned"))
    let elsewhere = try Self.tuned(model, instructionSet, processor: "Abacus-1") { _ in known }
    var otherKernels = try Self.tuned(model, instructionSet) { _ in known }
    otherKernels.tunings[0].instructionSet = "avx1024"
    for foreign in [elsewhere, otherKernels] {
      let session = try Self.session(foreign, instructionSet)
      #expect(!session.plan.steps.contains { $0.chosenBy == .tuned || $0.chosenBy == .misfit })
      #expect(session.plan.steps == plain.plan.steps)
      #expect(try session.run(input) == plain.run(input))
    }
  }

  /// The whole of it, in short: plans are measured, and what comes out gives the same bits.
  @Test(arguments: kernelSets) func theTunerChangesNoBit(instructionSet: String) throws {
    let (model, input) = try Self.network()
    var options = SessionOptions(threads: 2)
    options.instructionSet = instructionSet
    let tuner = try #require(try Tuner(model, options: options))
    var last = (-1, 0)
    let outcome = try tuner.run { last = ($0, $1) }
    #expect(last.0 >= 0 && last.0 < last.1 && outcome.kinds > 3)
    let backend = try InstructionSet.choose(requested: instructionSet).backend
    #expect(outcome.tuning.holds(for: backend))
    #expect(outcome.isKept || outcome.tuning.choices.isEmpty)
    #expect(outcome.changes.allSatisfy { $0.from != $0.to && $0.ratio < 1 })
    var tuned = model
    tuned.tunings = [outcome.tuning]
    let session = try Self.session(tuned, instructionSet)
    #expect(session.plan.steps.count { $0.chosenBy == .tuned } == outcome.tuning.choices.count)
    #expect(try session.run(input) == Self.session(model, instructionSet).run(input))
  }

  @Test func portableKernelsLeaveNothingToTune() throws {
    var options = SessionOptions()
    options.instructionSet = "portable"
    #expect(try Tuner(try Self.network().model, options: options) == nil)
  }

  #if arch(x86_64)
    /// Layers of every kind that has a choice, widths around the tiles.
    static let shapes: [CodegenConvolutionTests.Shape] = [
      .init(inputs: 32, outputs: 64, height: 9, width: 14, batch: 2, hasResidual: true, hasReLU: true),
      .init(inputs: 64, outputs: 100, height: 7, width: 7),
      .init(inputs: 33, outputs: 80, height: 19, width: 13, kernel: 3, stride: 2, padding: 1, hasReLU: true),
      .init(inputs: 32, outputs: 64, height: 2, width: 3, kernel: 3, padding: 1, borders: true),
      .init(
        inputs: 3, outputs: 64, height: 23, width: 30, kernel: 7, stride: 2, padding: 3, hasReLU: true,
        inputBlock: 3),
      .init(inputs: 128, outputs: 128, height: 6, width: 9, kernel: 3, padding: 1, groups: 2, batch: 2),
      .init(
        inputs: 256, outputs: 256, height: 29, width: 23, kernel: 3, padding: 1, batch: 2, hasResidual: true,
        hasReLU: true),
      .init(inputs: 512, outputs: 1040, height: 17, width: 5, hasReLU: true),
    ]

    /// A walk through each layer's choices, every one against the definition, its guards and the first one's bits.
    @Test(.enabled(if: !kernelSets.isEmpty, "this processor runs no emitted kernels"), arguments: shapes)
    func everyChoiceGivesTheSameBits(_ shape: CodegenConvolutionTests.Shape) throws {
      for level in CodegenConvolutionTests.levels {
        for isExact in [true, false] {
          let problem = ConvolutionProblem(shape, block: VectorISA(level).lanes)
          var backend = try MachineCodeBackend(level)
          backend.allowsWinograd = !isExact
          let seed = UInt64(shape.inputs * 1000 + shape.width)
          var random = SeededRandom(seed: seed)
          let basis = backend.alternatives(problem.descriptor, around: nil)
          #expect(basis.count > 1, "\(shape) leaves no choice")
          let expected = try problem.check(backend, itemsPerCall: 2)
          var place = basis[0]
          var measured: Set<String> = []
          for _ in 0..<4 {
            let near = backend.alternatives(problem.descriptor, around: place)
            #expect(near[0] == place)
            for _ in 0..<3 {
              let choice = near[random.nextInt(in: 0..<near.count)]
              guard measured.insert(choice).inserted else { continue }
              let found = try problem.check(backend, itemsPerCall: 3, tuned: choice, chosenBy: .tuned)
              #expect(found == expected, "\(level) \(choice) for \(shape), seed \(seed)")
              place = choice
            }
          }
        }
      }
    }

    /// Texts of the right form with any numbers: what is accepted computes the layer, and the rest is passed over.
    @Test(
      .enabled(if: !kernelSets.isEmpty, "this processor runs no emitted kernels"), arguments: shapes.prefix(5)
    )
    func randomNumbersAreCheckedOrPassedOver(_ shape: CodegenConvolutionTests.Shape) throws {
      for level in CodegenConvolutionTests.levels {
        let problem = ConvolutionProblem(shape, block: VectorISA(level).lanes)
        let backend = try MachineCodeBackend(level)
        let seed = UInt64(shape.outputs * 1000 + shape.width)
        var random = SeededRandom(seed: seed)
        let expected = try problem.check(backend, itemsPerCall: 2)
        for _ in 0..<25 {
          func number() -> Int {
            let bound = [3, 9, 40, 100_000][random.nextInt(in: 0..<4)]
            return random.nextInt(in: 0..<bound)
          }
          let text =
            random.nextInt(in: 0..<3) == 0
            ? "winograd4 \(number())x\(number()) chunked"
            : "direct \(number())x\(number())x\(number()) "
              + ["pixels", "groups", "rows\(number())"][random.nextInt(in: 0..<3)]
          let found = try problem.check(backend, itemsPerCall: 3, tuned: text)
          #expect(found == expected, "\(level) \(text) for \(shape), seed \(seed)")
        }
      }
    }
  #endif
}
