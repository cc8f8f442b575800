/// Two emitted functions: `cpuid(leaf, subleaf, out)` and `xgetbv(0)`.
package struct CPUIDStub {
  /// The four registers that CPUID answers in.
  struct Words {
    var eax: UInt32 = 0
    var ebx: UInt32 = 0
    var ecx: UInt32 = 0
    var edx: UInt32 = 0
    var words: [UInt32] { [eax, ebx, ecx, edx] }
  }

  private let memory: ExecutableMemory
  private let stateOffset: Int

  init() throws(ExecutableMemoryError) {
    let (code, stateOffset) = Self.assemble()
    self.stateOffset = stateOffset
    memory = try ExecutableMemory(code: code.bytes)
  }

  /// The code of both functions, and where the second one starts.
  package static func assemble(recordsListing: Bool = false) -> (code: X86Assembler, stateOffset: Int) {
    var code = X86Assembler(recordsListing: recordsListing)
    // CPUID overwrites rbx, which the caller expects unchanged, and rdx, which holds `out`.
    code.emit(.push, .rbx)
    code.emit(.move, .r8, .rdx)
    code.emit(.move32, .rax, .rdi)
    code.emit(.move32, .rcx, .rsi)
    code.emit(.cpuid)
    for (index, register) in [Register.rax, .rbx, .rcx, .rdx].enumerated() {
      code.emit(.store32, register, Address(.r8, 4 * index))
    }
    code.emit(.pop, .rbx)
    code.emit(.ret)
    let stateOffset = code.bytes.count
    code.emit(.xor32, .rcx, .rcx)
    code.emit(.xgetbv)
    code.emit(.ret)
    return (code, stateOffset)
  }

  func cpuid(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> Words {
    typealias Function = @convention(c) (UInt32, UInt32, UnsafeMutableRawPointer) -> Void
    var words = Words()
    withUnsafeMutableBytes(of: &words) {
      unsafeBitCast(memory.base, to: Function.self)(leaf, subleaf, $0.baseAddress!)
    }
    return words
  }

  /// The low half of XCR0; only after CPUID has announced OSXSAVE.
  func extendedState() -> UInt32 {
    typealias Function = @convention(c) () -> UInt32
    return unsafeBitCast(memory.base + stateOffset, to: Function.self)()
  }
}
