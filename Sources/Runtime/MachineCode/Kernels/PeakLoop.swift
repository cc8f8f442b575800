import FixresAssembler

/// Multiply-adds in registers alone: the rate that no kernel can exceed.
package struct PeakLoop: Sendable {
  private static let chains = 12
  private static let unroll = 4
  private let memory: ExecutableMemory
  private let isa: VectorISA

  package init(_ isa: VectorISA) throws(ExecutableMemoryError) {
    self.isa = isa
    memory = try ExecutableMemory(code: Self.assembled(isa).bytes)
  }

  /// The loop's code for `isa`.
  package static func assembled(_ isa: VectorISA, recordsListing: Bool = false) -> AssembledCode {
    switch isa.level {
    case .avx2, .avx512:
      var assembler = X86KernelAssembler(isa, recordsListing: recordsListing)
      emit(into: &assembler)
      return assembler.code
    }
  }

  /// Appends the function to `kernel`; its argument is the number of passes.
  package static func emit(into kernel: inout some KernelAssembler) {
    kernel.function(FunctionFrame(takesCount: true)) { kernel in
      for register in 0...chains { kernel.zero(Vector(register)) }
      kernel.align(to: 64)
      kernel.countDown(.passCount) { kernel in
        for _ in 0..<unroll {
          for register in 0..<chains {
            kernel.multiplyAdd(Vector(register), Vector(chains), Vector(chains))
          }
        }
      }
    }
  }

  /// Floating-point operations of one call of `run(passes:)`.
  package func operations(passes: Int) -> Int { passes * Self.chains * Self.unroll * isa.lanes * 2 }

  package func run(passes: Int) {
    unsafeBitCast(memory.base, to: (@convention(c) (Int) -> Void).self)(passes)
  }
}
