import FixresAssembler

/// Multiply-adds in registers alone: the rate that no kernel can exceed.
package struct PeakLoop: Sendable {
  private static let chains = 12
  private static let unroll = 4
  private let memory: ExecutableMemory
  private let isa: VectorISA

  package init(_ isa: VectorISA) throws(ExecutableMemoryError) {
    self.isa = isa
    var kernel = KernelAssembler(isa)
    for register in 0..<Self.chains { kernel.zero(Vector(register)) }
    kernel.zero(Vector(Self.chains))
    kernel.code.align(64)
    let top = kernel.code.here()
    for _ in 0..<Self.unroll {
      for register in 0..<Self.chains {
        kernel.multiplyAdd(Vector(register), Vector(Self.chains), Vector(Self.chains))
      }
    }
    kernel.code.emit(.dec, .rdi)
    kernel.code.jump(.notZero, to: top)
    kernel.leave(restoring: [])
    memory = try ExecutableMemory(code: kernel.code.finish())
  }

  /// Floating-point operations of one call of `run(passes:)`.
  package func operations(passes: Int) -> Int { passes * Self.chains * Self.unroll * isa.lanes * 2 }

  package func run(passes: Int) {
    unsafeBitCast(memory.base, to: (@convention(c) (Int) -> Void).self)(passes)
  }
}
