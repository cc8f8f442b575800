import FixresBase
import FixresIR

/// Turns a verified graph into an execution plan: layouts, buffers and their offsets in the arena, then kernels.
struct Lowering: Sendable {
  let model: Model
  let backend: any Backend
  /// Computes, in the backend's channel block, what the backend refuses.
  let portable: PortableKernels
  /// Every value keeps a buffer of its own to the end of the run, for `compare`.
  let keepsValues: Bool
  /// A mistake to make, for tests of the plan checker.
  var planted: PlantedPlanFault?
  /// What packed weights may take; set once the arena is known.
  var budget: PackingBudget?
  /// The kernel that the model's tuning names for a layer.
  let tuned: [UTF8Key: String]
  /// What the model holds of each constant as kernels read it.
  let packed: [UTF8Key: [PackedConstant]]

  var graph: Graph { model.graph }
  /// Values made from constants alone, and the constants they were made from.
  var folded: [Int: ReferenceValue] = [:]
  /// For each value the value whose buffer it shares, itself where it has its own; nil for constants.
  var roots: [Int?] = []
  /// By root value; nil for all others.
  var layouts: [TensorLayout?] = []
  /// Buffer of a root value.
  var buffers: [Int: Int] = [:]
  var requests: [MemoryPlanner.Request] = []
  var requestNames: [String] = []
  var steps: [(info: ExecutionPlan.StepInfo, step: KernelStep)] = []
  /// One of `PartRows`. What each layer rounds adds up over the layers: without Winograd the logits of random
  /// ResNet-152s err by 3e-6 to 6e-6 of the largest with short parts, by 4e-6 to 7e-6 with long ones.
  let partRows: Int
  private static let manyConvolutions = 64

  init(_ model: Model, backend: any Backend, keepsValues: Bool) {
    tuned = model.tuning(for: backend)?.kernelByLayer ?? [:]
    packed = Dictionary(grouping: model.validPackedConstants) { UTF8Key($0.constant) }
    self.model = model
    self.backend = backend
    portable = PortableKernels(block: backend.block)
    self.keepsValues = keepsValues
    let convolutions = model.graph.nodes.count {
      if case .conv2d = $0.op { true } else { false }
    }
    partRows = convolutions > Self.manyConvolutions ? PartRows.short : PartRows.long
  }

  /// The plan for `model`'s outputs named `outputs`, checked, and refused where it would not fit in `available` bytes.
  static func plan(
    _ model: Model, outputs: [ValueID], backend: any Backend, keepsValues: Bool, available: Int,
    pool: ThreadPool, planted: PlantedPlanFault? = nil
  ) throws(RuntimeError) -> ExecutionPlan {
    var lowering = Lowering(model, backend: backend, keepsValues: keepsValues)
    lowering.planted = planted
    try lowering.foldConstants()
    try lowering.chooseLayouts()
    try lowering.assignBuffers(outputs, available)
    let placement = try lowering.placeBuffers(available)
    lowering.budget = PackingBudget(
      constantByteCount: model.constants.byteCount, available: available - placement.byteCount)
    guard let plan = try lowering.makePlan(outputs, placement, available: available, pool: pool) else {
      // More machine code than a plan may have: which layers came first would decide the bits.
      return try Self.plan(
        model, outputs: outputs, backend: PortableKernels(), keepsValues: keepsValues, available: available,
        pool: pool, planted: planted)
    }
    try PlanChecker.check(
      plan, steps: lowering.steps, roles: lowering.roles(outputs), of: model.graph,
      outputs: outputs,
      keepsValues: keepsValues)
    lowering.releasePacked(except: plan.weights.all)
    return plan
  }

  /// What each step of the plan is for.
  private func roles(_ outputs: [ValueID]) -> [PlanChecker.Role] {
    var roles: [PlanChecker.Role] = [.load]
    for (index, node) in batchedNodes where !sharesOnly(node) { roles.append(.node(index)) }
    return roles + outputs.indices.map { .store($0) }
  }

  /// Gives back the pages of packed constants, read to be checksummed, that no kernel takes.
  private func releasePacked(except used: [PackedWeights]) {
    let taken = Set(used.map(\.base))
    for entry in packed.values.joined() where !taken.contains(entry.elements.bytes.unsafeBase) {
      entry.elements.bytes.releasePages()
    }
  }

  /// The convolutions of `model` by the values they make, as a plan would describe them.
  static func convolutions(
    of model: Model, backend: any Backend, available: Int
  ) throws(RuntimeError) -> [(layer: String, descriptor: ConvolutionDescriptor)] {
    var lowering = Lowering(model, backend: backend, keepsValues: false)
    let outputs = model.graph.runOutputs
    try lowering.chooseLayouts()
    try lowering.assignBuffers(outputs, available)
    return lowering.batchedNodes.compactMap { _, node in
      guard case .conv2d(let op) = node.op else { return nil }
      return (model.graph[node.result].name, lowering.descriptor(op, node))
    }
  }

  /// Nodes that compute something of a batch, by index.
  var batchedNodes: some Sequence<(index: Int, node: Node)> {
    let graph = graph
    return graph.nodes.indices.lazy.filter { graph[graph.nodes[$0].result].type.batched }
      .map { ($0, graph.nodes[$0]) }
  }

  /// Operands of a batch: what must be in a buffer when the node runs.
  func dataOperands(_ node: Node) -> [ValueID] { node.operands.filter { graph[$0].type.batched } }

  func root(_ value: ValueID) -> Int {
    guard let root = roots[value.index] else {
      preconditionFailure("%\(graph[value].name) has no buffer: it is not of a batch")
    }
    return root
  }

  func layout(_ value: ValueID) -> TensorLayout {
    guard let layout = layouts[root(value)] else {
      preconditionFailure("%\(graph[value].name) has no layout")
    }
    // A flattened pixel shares its map's buffer; both count the same channels.
    return layout
  }

  func buffer(_ value: ValueID) -> Int {
    guard let buffer = buffers[root(value)] else {
      preconditionFailure("%\(graph[value].name) has no buffer")
    }
    return buffer
  }
}
