import FixresAssembler
import Testing

/// Roles and frames of the x86 implementation of the kernels' vocabulary.
@Suite struct X86KernelAssemblerTests {
  /// The lines of a function with `frame` and `body`.
  private func lines(
    _ frame: FunctionFrame, _ body: (inout X86KernelAssembler) -> Void
  ) -> [String] {
    var kernel = X86KernelAssembler(.avx2, recordsListing: true)
    kernel.function(frame, body)
    return kernel.code.listing.map(\.text)
  }

  @Test func frameSavesWhatTheCallerKeeps() {
    #expect(lines(FunctionFrame()) { _ in } == ["vzeroupper", "ret"])
    #expect(
      lines(FunctionFrame(counters: [.counter0, .counter2])) { _ in }
        == ["push rbx", "push r12", "pop r12", "pop rbx", "vzeroupper", "ret"])
    #expect(
      lines(FunctionFrame(counters: [.counter0], stackByteCount: 32)) { _ in } == [
        "push rbp", "push rbx", "mov rbp, rsp", "sub rsp, 96", "and rsp, -64", "mov rsp, rbp", "pop rbx",
        "pop rbp", "vzeroupper", "ret",
      ])
    // rbp is a counter, so that the caller's stack pointer goes elsewhere.
    #expect(
      lines(FunctionFrame(counters: [.counter1], stackByteCount: 32)) { _ in } == [
        "push rbp", "push r15", "mov r15, rsp", "sub rsp, 96", "and rsp, -64", "mov rsp, r15", "pop r15",
        "pop rbp", "vzeroupper", "ret",
      ])
  }

  @Test func singlePassNeedsNoLoop() {
    let frame = FunctionFrame()
    #expect(lines(frame) { $0.loop(.counter0, 0) { $0.zero(Vector(0)) } }.count == 2)
    #expect(lines(frame) { $0.loop(.counter0, 1) { $0.zero(Vector(0)) } }.count == 3)
    #expect(
      lines(frame) { $0.loop(.counter0, 2) { $0.zero(Vector(0)) } } == [
        "mov rbx, 2", "vxorps ymm0, ymm0, ymm0", "dec rbx", "jne 0x7", "vzeroupper", "ret",
      ])
  }

  @Test func roleWithoutAValueStopsTheEmission() async {
    await #expect(processExitsWith: .failure) {
      var kernel = X86KernelAssembler(.avx2)
      kernel.function(FunctionFrame()) { $0.load(Vector(0), MemoryOperand(.source)) }
    }
  }

  @Test func roleWhoseRegisterWasTakenStopsTheEmission() async {
    await #expect(processExitsWith: .failure) {
      var kernel = X86KernelAssembler(.avx2)
      kernel.function(FunctionFrame()) { kernel in
        kernel.loadArgument(.bias, field: 0)
        kernel.loadArgument(.divisors, field: 1)
        kernel.load(Vector(0), MemoryOperand(.bias))
      }
    }
  }

  @Test func nestedLoopsWithOneCounterStopTheEmission() async {
    await #expect(processExitsWith: .failure) {
      var kernel = X86KernelAssembler(.avx2)
      kernel.function(FunctionFrame(counters: [.counter0])) { kernel in
        kernel.loop(.counter0, 2) { $0.loop(.counter0, 2) { $0.zero(Vector(0)) } }
      }
    }
  }
}
