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
