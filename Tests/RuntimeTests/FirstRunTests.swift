import FixresBase
import FixresIR
import FixresRuntime
import Synchronization
import TestSupport
import Testing

/// The first picture of a session is computed with weights that lie in memory which all layers share in turn; all runs
/// after it with weights packed for good. Nobody may see the difference.
@Suite struct FirstRunTests {
  private static func session(
    _ model: Model, _ instructionSet: String, threads: Int = 2, isExact: Bool = false,
    packsAtOpen: Bool = false
  ) throws -> Session {
    var options = SessionOptions(threads: threads, isExact: isExact, packsAtOpen: packsAtOpen)
    options.instructionSet = instructionSet
    return try Session(model: model, options: options)
  }

  private static func pictures(_ model: Model, _ count: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    let floats = model.graph[model.graph.inputs[0]].type.elementCount * count
    return (0..<floats).map { _ in Float(random.nextGaussian()) }
  }

  private static func waiting(_ session: Session) -> Int { session.plan.weights.unpackedCount }

  /// Widths of no whole vector and no whole group leave gaps, which must be zero in memory that others have written.
  @Test(arguments: PackedWeightsTests.kernelSets, ["resnet18", "resnet50", "seresnet34", "resnext50"])
  func everyRunHasTheSameBits(instructionSet: String, architecture: String) throws {
    var kernels: [String] = []
    for width in architecture == "resnext50" ? [16] : [20, 27, 48] {
      let model = try Model.syntheticResNet(architecture, side: 96, width: width)
      let picture = Self.pictures(model, 1, seed: UInt64(width))
      kernels += try Self.session(model, instructionSet).plan.steps.map(\.kernel)
      for isExact in [false, true] {
        let eager = try Self.session(model, instructionSet, isExact: isExact, packsAtOpen: true)
        #expect(Self.waiting(eager) == 0 && !eager.plan.weights.all.isEmpty)
        let expected = try eager.run(picture)
        for threads in [1, 2] {
          let session = try Self.session(model, instructionSet, threads: threads, isExact: isExact)
          let name = "\(architecture) width \(width), exact \(isExact), \(threads) threads"
          #expect(try session.run(picture) == expected, "first run of \(name)")
          #expect(Self.waiting(session) > 0, "\(name): nothing was left for the second run")
          #expect(try session.run(picture) == expected, "second run of \(name)")
          #expect(Self.waiting(session) == 0, "\(name): something is still not packed")
          #expect(try session.run(picture) == expected, "third run of \(name)")
        }
      }
    }
    for family in ["direct", "linear"] + (architecture == "resnet18" ? ["winograd"] : []) {
      #expect(kernels.contains { $0.hasPrefix(family) }, "no \(family) kernel was looked at")
    }
  }

  @Test(arguments: InstructionSet.available, [1, 2, 3, 4, 5, 6, 7, 8])
  func randomNetworksToo(instructionSet: String, seed: UInt64) throws {
    let model = try SessionTests.randomModel(seed)
    let picture = Self.pictures(model, 1, seed: seed)
    let expected = try Self.session(model, instructionSet, packsAtOpen: true).run(picture)
    let session = try Self.session(model, instructionSet)
    for run in 0..<3 { #expect(try session.run(picture) == expected, "seed \(seed), run \(run)") }
  }

  @Test(arguments: PackedWeightsTests.kernelSets) func severalPicturesPackAtOnce(instructionSet: String)
    throws
  {
    let model = try Model.syntheticResNet("resnet18", side: 64, width: 16)
    let session = try Self.session(model, instructionSet)
    #expect(Self.waiting(session) > 0, "opening packs nothing")
    let output = try session.run(Self.pictures(model, 3, seed: 4))
    #expect(Self.waiting(session) == 0)
    let alone = try Self.session(model, instructionSet)
    let count = session.inputShape.reduce(1, *)
    let first = try alone.run(Array(Self.pictures(model, 3, seed: 4)[..<count]))
    #expect(first.logits == Array(output.logits[..<session.classCount]))
  }

  /// What looks at weights, or times them, finds them packed, before and after a first run.
  @Test(arguments: PackedWeightsTests.kernelSets, [false, true])
  func whateverNeedsWeightsPacksThem(instructionSet: String, hasRun: Bool) throws {
    let model = try Model.syntheticResNet("resnet18", side: 64, width: 16)
    let picture = Self.pictures(model, 1, seed: 2)
    let expected = try Self.session(model, instructionSet, packsAtOpen: true)
    let uses: [(Session) throws -> Void] = [
      { _ = try $0.packedConstants(of: model) },
      { _ = try $0.profile(picture, batch: 1, runs: 1) },
    ]
    for use in uses {
      let session = try Self.session(model, instructionSet)
      if hasRun { _ = try session.run(picture) }
      try use(session)
      #expect(Self.waiting(session) == 0)
      #expect(try session.packedConstants(of: model) == expected.packedConstants(of: model))
      #expect(try session.run(picture) == expected.run(picture))
    }
  }

  /// Until it has packed them for good the session keeps the model's weights, and no longer.
  @Test(arguments: PackedWeightsTests.kernelSets) func modelsAreFreedOnceTheyArePacked(instructionSet: String)
    throws
  {
    final class Owner: Sendable {
      let freed = Atomic<Int>(0)
    }
    let owner = Owner()
    var model: Model? = try Model.syntheticResNet("resnet18", side: 64, width: 16)
    var count = 0
    for node in model?.graph.nodes ?? [] {
      guard case .conv2d = node.op, let name = model?.graph[node.operands[1]].name,
        let tensor = model?.constants[name]
      else { continue }
      let block = AlignedBlock(floatCount: tensor.elementCount)
      tensor.withFloats { block.floats.update(from: $0.baseAddress!, count: $0.count) }
      let storage = ByteStorage(base: block.base, count: block.byteCount) {
        extendLifetime(block)
        owner.freed.wrappingAdd(1, ordering: .relaxed)
      }
      try model?.setConstant(name, to: Tensor(shape: tensor.shape, bytes: Bytes(storage)))
      count += 1
    }
    let picture = Self.pictures(try #require(model), 1, seed: 6)
    let session = try Self.session(try #require(model), instructionSet)
    model = nil
    let first = try session.run(picture)
    #expect(owner.freed.load(ordering: .relaxed) == 0 && count > 10)
    #expect(try session.run(picture) == first)
    #expect(owner.freed.load(ordering: .relaxed) == count)
    #expect(try session.run(picture) == first)
  }
}
