import FixresAssembler
import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Formats of elements that no file of Runtime knows: any of them can be planned, and none is run unasked.
@Suite struct ElementFormatTests {
  private static let formats = [
    ElementFormat(name: "half", byteCount: 2, group: 1, accumulator: .f32),
    ElementFormat(name: "half, in pairs", byteCount: 2, group: 2, accumulator: .f32),
    ElementFormat(name: "quarter, in fours", byteCount: 1, group: 4, accumulator: .i32),
  ]

  /// ResNet-50 for pictures of 224 x 224, folded and fused, every constant 1.
  private static let resnet50: Result<Model, any Error> = Result {
    var network = try #require(SyntheticResNet.named("resnet50", width: 64))
    network.classes = 1000
    let graph = try network.build(name: "resnet50", size: Extent(square: 224))
    var constants = Constants()
    for constant in graph.constants {
      let value = graph[constant]
      constants[value.name] = Tensor(
        shape: value.type.dims, [Float](repeating: 1, count: value.type.elementCount))
    }
    let metadata = ModelMetadata(architecture: graph.name)
    return try Adapt.run(try Model(graph: graph, constants: constants, metadata: metadata)).model
  }

  /// The plan of a session that never runs.
  private static func plan(_ backend: any Backend) throws -> ExecutionPlan {
    try Session(model: try resnet50.get(), options: SessionOptions(threads: 1), backend: backend).plan
  }

  private static func wholeLines(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }

  @Test(arguments: formats) func layoutsAndArenaShrinkWithTheFormat(format: ElementFormat) throws {
    let (reference, plan) = (try Self.plan(PlanningBackend(.f32)), try Self.plan(PlanningBackend(format)))
    let factor = ElementFormat.f32.byteCount / format.byteCount
    #expect(plan.values.count == reference.values.count && plan.values.count > 50)
    for (value, expected) in zip(plan.values, reference.values) {
      var layout = value.layout
      #expect(layout.format == format && value.name == expected.name && value.buffer == expected.buffer)
      #expect(layout.planeByteStride * factor == expected.layout.planeByteStride, "\(value.name)")
      #expect(layout.rowByteStride * factor == expected.layout.rowByteStride, "\(value.name)")
      #expect(layout.pixelByteStride * factor == expected.layout.pixelByteStride, "\(value.name)")
      #expect(layout.originByteOffset * factor == expected.layout.originByteOffset, "\(value.name)")
      #expect(layout.imageByteCount == Self.wholeLines(expected.layout.imageByteCount / factor))
      // A picture has 9834 cache lines in float32, the logits 63; all others shrink to whole lines in every format.
      if value.name != "fc", value.name != "input" || factor == 2 {
        #expect(layout.imageByteCount * factor == expected.layout.imageByteCount, "\(value.name)")
      }
      layout.format = .f32
      #expect(layout == expected.layout, "\(value.name)")
    }
    #expect(plan.buffers.count == reference.buffers.count)
    for (buffer, expected) in zip(plan.buffers, reference.buffers) {
      #expect(buffer.value == expected.value && buffer.offset * factor == expected.offset, "\(buffer.value)")
      #expect(buffer.byteCount == Self.wholeLines(expected.byteCount / factor), "\(buffer.value)")
    }
    #expect(plan.arenaByteCount * factor == reference.arenaByteCount)
    #expect(plan.steps == reference.steps)
  }

  @Test(arguments: formats) func packedWeightsShrinkWithTheFormat(format: ElementFormat) throws {
    let reference = try Self.plan(PlanningBackend(.f32)).weights.all
    let plan = try Self.plan(PlanningBackend(format)).weights.all
    #expect(plan.count == reference.count && plan.count == 54)
    for (weights, expected) in zip(plan, reference) {
      let (layout, f32) = (weights.layout, expected.layout)
      #expect(layout.format == format && weights.constant == expected.constant)
      // Three channels side by side: a kernel row of 7 x 3 weights is filled up to whole groups.
      let isStem = weights.constant?.hasPrefix("conv1") == true
      #expect(layout.count == (isStem ? f32.count / 21 * format.wholeGroups(21) : f32.count))
      #expect(weights.ownByteCount == layout.count * format.byteCount)
      if !isStem || format.group == 1 {
        let factor = ElementFormat.f32.byteCount / format.byteCount
        #expect(weights.ownByteCount * factor == expected.ownByteCount, "\(weights.constant ?? "")")
      }
    }
  }

  /// The plan that the others are compared with is the one that a session runs.
  @Test(.enabled(if: InstructionSet.available.contains("avx512"), "this processor has no AVX-512"))
  func theFloat32PlanIsTheSessions() throws {
    var options = SessionOptions(threads: 1, isExact: true)
    options.instructionSet = "avx512"
    let session = try Session(model: try Self.resnet50.get(), options: options).plan
    let l2ByteCount = try CPUFeatures.current.get().l2ByteCount
    let plan = try Self.plan(PlanningBackend(.f32, l2ByteCount: l2ByteCount))
    #expect(plan.values == session.values && plan.buffers == session.buffers)
    #expect(plan.arenaByteCount == session.arenaByteCount)
    #expect(plan.weights.all.map(\.layout) == session.weights.all.map(\.layout))
  }

  @Test(arguments: formats) func kernelsRunFloat32Alone(format: ElementFormat) throws {
    var backends: [any Backend] = [PortableKernels()]
    for name in InstructionSet.available {
      guard let level = VectorISA.Level(rawValue: name) else { continue }
      backends.append(try MachineCodeBackend(level))
    }
    for backend in backends {
      #expect(backend.format == .f32 && backend.supports(.f32) && !backend.supports(format))
    }
  }

  @Test func aFormatWithoutKernelsIsRefused() throws {
    var backend = PlanningBackend(Self.formats[0])
    backend.hasKernels = false
    #expect(
      throws: RuntimeError.unsupported(
        value: "relu", operation: "conv2d", reason: "planning has no kernels for half")
    ) { try Self.plan(backend) }
    backend.hasKernels = true
    backend.loads = false
    #expect(
      throws: RuntimeError.unsupported(
        value: "input", operation: "input", reason: "no kernel loads pictures as half")
    ) { try Self.plan(backend) }
  }
}

/// Plans layers of any format as the direct kernels of AVX-512 have them in memory, for no one to run.
private struct PlanningBackend: Backend {
  let format: ElementFormat
  let l2ByteCount: Int
  var hasKernels = true
  var loads = true
  private let isa = VectorISA.avx512
  private let pool = BlockPool()

  init(_ format: ElementFormat, l2ByteCount: Int = 1 << 20) {
    (self.format, self.l2ByteCount) = (format, l2ByteCount)
  }

  var name: String { "planning" }
  var block: Int { isa.lanes }
  var pages: LargePages { pool.pages }
  var processor: String { "" }

  func supports(_ format: ElementFormat) -> Bool { hasKernels && format == self.format }

  private func step(
    _ kernel: String, _ footprint: StepFootprint, weights: LayerWeights? = nil
  ) -> KernelStep {
    KernelStep(
      kernel: kernel, function: { _, _, _, _, _ in preconditionFailure("a plan for no one to run") },
      copying: 0, footprint: footprint, items: 1, resources: StepResources(weights: weights))
  }

  private func weights(
    _ parameters: LayerParameters, _ descriptor: ConvolutionDescriptor, blocks: Int
  ) throws(KernelRefusal) -> LayerWeights {
    let window = ConvolutionWindow(descriptor, isa, blocks: blocks)
    let layout = WeightPacking.directLayout(descriptor, window, blocks: blocks, isa)
    return try parameters.packed(layout, in: pool, hasGaps: false) { (_) throws(KernelRefusal) in
      step(layout.name, .own([]))
    }
  }

  func convolution(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String?
  ) throws(KernelRefusal) -> KernelStep {
    let tiling = ConvolutionTiling.choose(descriptor, isa, l2ByteCount: l2ByteCount).tiling
    return step(
      "convolution", .convolution(descriptor, buffers),
      weights: try weights(parameters, descriptor, blocks: tiling.blocks))
  }

  func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] { [] }

  func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) throws(KernelRefusal) -> KernelStep
  {
    step("pool", .map(source, descriptor.input, to: target, descriptor.output))
  }

  func globalPooling(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    step("global pool", .map(source, descriptor.input, to: target, descriptor.output))
  }

  func linear(
    _ descriptor: LinearDescriptor, _ parameters: LayerParameters, source: Int, target: Int
  ) throws(KernelRefusal) -> KernelStep {
    let convolution = ConvolutionDescriptor(
      input: descriptor.input, output: descriptor.output, kernelHeight: 1, kernelWidth: 1)
    let blocks = min(4, descriptor.output.blockCount)
    return step(
      "linear", .map(source, descriptor.input, to: target, descriptor.output),
      weights: try weights(parameters, convolution, blocks: blocks))
  }

  func load(_ layout: TensorLayout, source: Int, target: Int) throws(KernelRefusal) -> KernelStep {
    guard loads else { throw .uncovered("no kernel loads pictures as \(layout.format.name)") }
    return step("load", .load(layout, from: source, to: target))
  }

  func store(_ layout: TensorLayout, source: Int, target: Int) throws(KernelRefusal) -> KernelStep {
    step("store", .store(layout, from: source, to: target))
  }
}
