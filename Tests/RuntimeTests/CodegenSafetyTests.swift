#if arch(x86_64)
  import FixresIR
  import FixresRuntime
  import Foundation
  import Testing

  /// What emitted code may not do to the process, and how it shows itself.
  @Suite struct CodegenSafetyTests {
    private static func session() throws -> Session {
      try Session(
        model: bottleneckNetwork(
          seed: 9, resolution: Extent(32, 32), blocks: [1, 1, 1, 1], width: 16, classes: 10))
    }

    #if os(Linux)
      @Test func noPageIsWritableAndExecutable() throws {
        let session = try Self.session()
        _ = try session.run([Float](repeating: 0.5, count: session.inputShape.reduce(1, *)))
        let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
        let rights = maps.split(separator: "\n").map { $0.split(separator: " ")[1] }
        #expect(!rights.isEmpty && rights.contains { $0.contains("x") })
        #expect(!rights.contains { $0.contains("w") && $0.contains("x") })
      }
    #endif

    /// Maps whose rows or planes lie farther apart than 32 bits tell: no kernel is emitted, and nothing traps.
    @Test(.enabled(if: !CodegenConvolutionTests.levels.isEmpty, "this processor runs no emitted kernels"))
    func distancesBeyondDisplacementsAreRefused() throws {
      for level in CodegenConvolutionTests.levels {
        let backend = try MachineCodeBackend(level)
        let far = TensorLayout(
          channels: 64, height: 32768, width: 32768, block: backend.block, border: Border(all: 1))
        let pixel = TensorLayout(channels: 64, height: 1, width: 1, block: backend.block)
        let weights = [Float](repeating: 0, count: 64 * 64 * 9)
        weights.withUnsafeBufferPointer { weights in
          let parameters = LayerParameters(weights: weights.baseAddress!, bias: nil)
          for kernel in [1, 3] {
            let descriptor = ConvolutionDescriptor(
              input: far, output: far, kernelHeight: kernel, kernelWidth: kernel, paddingTop: kernel / 2,
              paddingLeft: kernel / 2)
            #expect(throws: KernelRefusal.self) {
              _ = try backend.convolution(descriptor, parameters, .init(input: 0, output: 1))
            }
          }
        }
        #expect(throws: KernelRefusal.self) {
          _ = try backend.globalPooling(
            GlobalPoolingDescriptor(input: far, output: pixel, isMaximum: false), source: 0, target: 1)
        }
      }
    }

    @Test(.enabled(if: !CodegenConvolutionTests.levels.isEmpty, "this processor runs no emitted kernels"))
    func everyEmittedLayerCanBeListed() throws {
      let plan = try Self.session().plan
      var listed = 0
      for step in plan.steps where step.macs > 0 {
        let text = try #require(plan.assembly(ofLayer: step.layer))
        #expect(text.contains(step.kernel))
        if text.contains("vfmadd231ps") && text.contains("ret") { listed += 1 }
      }
      #expect(listed > 10 || plan.backend == "portable")
      #expect(plan.assembly(ofLayer: "no such layer") == nil)
    }
  }
#endif
