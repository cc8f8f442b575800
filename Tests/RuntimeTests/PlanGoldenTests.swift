import FixresAssembler
import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

private let canEmit = (try? CPUFeatures.current.get()) != nil

/// The kernel of every layer of full-size networks on a processor that the test describes: another algorithm, register
/// tile, loop order, division of work, arena size or fallback shows as a difference of Tests/Golden/plans.
@Suite(.enabled(if: canEmit, "the system refuses executable memory, which emitted kernels need"))
struct PlanGoldenTests {
  /// An ordinary processor with all that `level` needs.
  private static func processor(for level: VectorISA.Level) -> CPUFeatures {
    var cpu = CPUFeatures()
    cpu.features = Set(cpu.missing(for: level))
    (cpu.l1ByteCount, cpu.l2ByteCount, cpu.l3ByteCount) = (32 << 10, 1 << 20, 32 << 20)
    return cpu
  }

  private static func backends() -> [any Backend] {
    VectorISA.Level.allCases.map { MachineCodeBackend($0, cpu: processor(for: $0)) } + [PortableKernels()]
  }

  /// `network` for pictures of 224 x 224, folded and fused; its constants are zeros in one block of memory, since no plan
  /// reads them.
  private static func model(_ network: SyntheticResNet, _ name: String) throws -> Model {
    var network = network
    let graph = try network.build(name: name, size: Extent(square: 224))
    let byteCounts = graph.constants.map { graph[$0].type.elementCount * 4 }
    let zeros = Bytes(
      ByteStorage.allocate(byteCount: byteCounts.max() ?? 0) {
        _ = $0.initializeMemory(as: UInt8.self, repeating: 0)
      })
    var constants = Constants()
    for (constant, byteCount) in zip(graph.constants, byteCounts) {
      constants[graph[constant].name] = Tensor(
        shape: graph[constant].type.dims, bytes: try zeros.slice(0, byteCount))
    }
    let model = try Model(graph: graph, constants: constants, metadata: ModelMetadata(architecture: name))
    return try Adapt.run(model).model
  }

  private static func text(of plan: ExecutionPlan) -> String {
    let width = plan.steps.reduce(0) { max($0, $1.layer.count) }
    let lines = plan.steps.map { step in
      step.layer + String(repeating: " ", count: width - step.layer.count) + "  " + step.kernel
        + (step.specification.map { "  (\($0))" } ?? "")
    }
    return "arena: \(plan.arenaByteCount) bytes an image\n" + lines.joined(separator: "\n") + "\n"
  }

  private func check(_ network: SyntheticResNet, _ name: String) throws {
    var network = network
    (network.width, network.classes) = (64, 1000)
    let model = try Self.model(network, name)
    for side in [224, 384] {
      let sized = try Adapt.run(model, to: Extent(square: side)).model
      for backend in Self.backends() {
        let text = Self.text(of: try ExecutionPlan.plan(sized, for: backend))
        let difference = Golden.difference(text, from: "plans/\(name)-\(side)-\(backend.name).txt")
        #expect(difference == nil, "\(difference ?? "")")
      }
    }
  }

  private static let networks = ["resnet18", "resnet50", "resnext50_32x4d"]

  /// A golden that nothing reads any more would promise what nobody checks.
  @Test func everyGoldenIsRead() {
    let names = Self.networks.flatMap { network in
      [224, 384].flatMap { side in Self.backends().map { "\(network)-\(side)-\($0.name).txt" } }
    }
    #expect(Golden.names(in: "plans").sorted() == names.sorted())
  }

  @Test func resNet18() throws { try check(SyntheticResNet(depths: [2, 2, 2, 2]), Self.networks[0]) }

  @Test func resNet50() throws {
    var network = SyntheticResNet(depths: [3, 4, 6, 3])
    network.isBottleneck = true
    try check(network, Self.networks[1])
  }

  @Test func resNeXt50() throws {
    var network = SyntheticResNet(depths: [3, 4, 6, 3])
    network.isBottleneck = true
    (network.groups, network.groupWidth) = (32, 4)
    try check(network, Self.networks[2])
  }
}
