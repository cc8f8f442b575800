import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Which kernels run: by request, by processor, and where the system refuses executable memory.
@Suite struct InstructionSetTests {
  @Test func instructionSetsAreChosenByName() throws {
    #expect(try InstructionSet.choose(requested: "portable").backend.name == "portable")
    #expect(throws: RuntimeError.unknownInstructionSet(found: "mmx", known: InstructionSet.known)) {
      _ = try InstructionSet.choose(requested: "mmx")
    }
  }

  #if arch(x86_64)
    @Test func whatAProcessorLacksIsNamed() throws {
      var old = CPUFeatures()
      old.features = [.sse42, .ymmState, .avx2]
      let fallback = try InstructionSet.choose(requested: nil, cpu: .success(old))
      #expect(fallback.backend.name == "portable" && fallback.reason == "this machine lacks fma")
      #expect(throws: RuntimeError.instructionSetUnavailable(name: "avx2", missing: "fma")) {
        _ = try InstructionSet.choose(requested: "avx2", cpu: .success(old))
      }
      let wide = "zmm state, avx512f, avx512vl, avx512bw, avx512dq"
      #expect(throws: RuntimeError.instructionSetUnavailable(name: "avx512", missing: "fma, " + wide)) {
        _ = try InstructionSet.choose(requested: "avx512", cpu: .success(old))
      }
    }

    @Test func refusedExecutableMemoryLeavesPortableKernels() throws {
      let error = ExecutableMemoryError(operation: .protect, code: 13, byteCount: 4096)
      let choice = try InstructionSet.choose(requested: nil, cpu: .failure(error))
      #expect(choice.backend.name == "portable")
      #expect(choice.reason == "the system refuses executable memory (mprotect, errno 13)")
      #expect(throws: RuntimeError.instructionSetUnavailable(name: "avx2", missing: "executable memory")) {
        _ = try InstructionSet.choose(requested: "avx2", cpu: .failure(error))
      }
    }
  #endif

  /// A backend whose memory for code is refused while a plan is made: portable kernels compute the layers, and the plan
  /// says why.
  @Test func layersThatFellBackSayWhy() throws {
    let model = try Model.syntheticResNet("resnet18", side: 64, width: 16)
    let session = try Session(
      model: model, options: SessionOptions(threads: 1), backend: RefusingBackend(PortableKernels()))
    let refused = session.plan.steps.filter { $0.refusal != nil }
    #expect(refused.count { $0.kernel.hasPrefix("direct") } == 20, "every convolution of ResNet-18")
    #expect(session.plan.text.contains("portable: the system refuses executable memory (mmap, errno 12)"))
    let input = [Float](repeating: 0.5, count: session.inputShape.reduce(1, *))
    var options = SessionOptions(threads: 1)
    options.instructionSet = "portable"
    #expect(try session.run(input) == Session(model: model, options: options).run(input))
    let probed = KernelProbe.refusals(of: RefusingBackend(PortableKernels())).map(\.layer)
    #expect(probed == ["convolution 1x1", "convolution 3x3", "grouped convolution"])
    #expect(KernelProbe.refusals(of: PortableKernels()).isEmpty)
  }
}

/// The portable kernels, without those of convolution.
private struct RefusingBackend: Backend {
  let kernels: PortableKernels
  var name: String { "refusing" }
  var block: Int { kernels.block }
  var pages: LargePages { kernels.pages }
  var processor: String { "" }

  init(_ kernels: PortableKernels) { self.kernels = kernels }

  func convolution(
    _ descriptor: ConvolutionDescriptor, _ weights: LayerParameters, _ buffers: ConvolutionBuffers,
    tuned: String?
  ) throws(KernelRefusal) -> KernelStep {
    throw .executableMemory(ExecutableMemoryError(operation: .map, code: 12, byteCount: 4096))
  }

  func alternatives(_ descriptor: ConvolutionDescriptor, around choice: String?) -> [String] { [] }

  func pooling(_ descriptor: PoolingDescriptor, source: Int, target: Int) -> KernelStep {
    kernels.pooling(descriptor, source: source, target: target)
  }

  func globalPooling(_ descriptor: GlobalPoolingDescriptor, source: Int, target: Int) -> KernelStep {
    kernels.globalPooling(descriptor, source: source, target: target)
  }

  func linear(
    _ descriptor: LinearDescriptor, _ weights: LayerParameters, source: Int, target: Int
  ) -> KernelStep {
    kernels.linear(descriptor, weights, source: source, target: target)
  }
}
