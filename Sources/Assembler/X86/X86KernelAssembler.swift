/// The kernels' vocabulary in AVX2 (VEX, ymm) and AVX-512 (EVEX, zmm), with the System V calling convention.
package struct X86KernelAssembler {
  package let isa: VectorISA
  var x86: X86Assembler
  /// Which role each register holds, by the code of the role; 0 for none.
  private var holders = [UInt8](repeating: 0, count: Register.allCases.count)

  package init(_ isa: VectorISA, recordsListing: Bool = false) {
    self.isa = isa
    x86 = X86Assembler(recordsListing: recordsListing)
  }

  /// The instructions that have been emitted; recorded with the listing.
  package var usedInstructions: Set<X86Assembler.Instruction> { x86.usedInstructions }

  var isEVEX: Bool { isa.level == .avx512 }

  // MARK: Roles

  /// The register of a role that a value has been given to.
  func register(_ role: some RegisterRole) -> Register {
    let register = role.register
    precondition(isHeld(role), "\(role) has no value, or another role took its register")
    return register
  }

  func isHeld(_ role: some RegisterRole) -> Bool { holders[Int(role.register.rawValue)] == role.code }

  /// The register of a role that is about to be given a value.
  mutating func define(_ role: some RegisterRole) -> Register {
    let register = role.register
    holders[Int(register.rawValue)] = role.code
    return register
  }

  /// A register that no role keeps.
  mutating func release(_ register: Register) { holders[Int(register.rawValue)] = 0 }

  func address(_ operand: MemoryOperand) -> Address { Address(register(operand.base), operand.displacement) }

  // MARK: Vectors

  /// Emits a vector instruction in the encoding and width of the instruction set.
  mutating func vector(
    _ row: VectorInstruction, _ register: Vector, _ last: VectorOrMemory, second: Vector? = nil,
    mask: Mask = Mask(0), immediate: UInt8? = nil
  ) {
    x86.vector(
      row, isEVEX ? .zmm : .ymm, evex: isEVEX,
      .init(
        register.index, second: second?.index ?? 0, last: last, mask: mask, immediate: immediate))
  }
}

/// A role that a general-purpose register holds.
protocol RegisterRole {
  var register: Register { get }
  /// Different for every role of both kinds, and not 0.
  var code: UInt8 { get }
}

extension PointerRole: RegisterRole {
  var code: UInt8 { rawValue + 1 }

  var register: Register {
    switch self {
    case .arguments: .rdi
    case .source: .rsi
    case .output: .rdx
    case .weights, .offsets: .rcx
    case .bias, .divisors: .r8
    case .residual: .r9
    case .prefetch, .permutations: .r10
    case .tileSource: .rax
    case .tileWeights, .window: .r11
    case .frame: .rsp
    }
  }
}

extension IntegerRole: RegisterRole {
  var code: UInt8 { rawValue | 0x80 }

  var register: Register {
    switch self {
    case .counter0: .rbx
    case .counter1: .rbp
    case .counter2: .r12
    case .counter3: .r13
    case .counter4: .r14
    case .bodyCounter, .passCount: .rdi
    case .rowCount, .rowStride: .r9
    case .blockCount: .r8
    }
  }
}
