import FixresAssembler
import TestSupport
import Testing

/// Every row of the instruction tables against recorded bytes, and against a disassembler where one is found.
@Suite struct X86InstructionTests {
  /// Each row with low and high registers, each kind of address, and each displacement size.
  static func sample() -> X86Assembler {
    var code = X86Assembler(recordsListing: true)
    let addresses = [
      Address(.rax), Address(.rbp), Address(.rsp, 64), Address(.r12, -128), Address(.r13),
      Address(.rdi, 4096), Address(.r9, 68, index: .r14, scale: 4), Address(.rbx, 1_000_000, index: .rcx),
    ]
    for row in GeneralInstruction.allCases { code.sample(row, addresses) }
    for row in VectorInstruction.allCases {
      if row.encoding.encodings != .evex { code.sampleVEX(row, addresses) }
      if row.encoding.encodings != .vex { code.sampleEVEX(row, addresses) }
    }
    return code
  }

  @Test func bytesAreTheRecordedOnes() {
    let code = Self.sample().code
    #expect(code.listing.count > 350)
    // Without offsets, so that a new row changes no line of another.
    let lines = code.text.split(separator: "\n").map { $0.dropFirst(8) + "\n" }
    let difference = Golden.difference(lines.joined(), from: "codegen/instructions.txt")
    #expect(difference == nil)
  }

  @Test func everyRowIsSampled() {
    let missing = Set(X86Assembler.Instruction.all).subtracting(Self.sample().usedInstructions)
    #expect(missing.isEmpty)
  }

  @Test(.enabled(if: Disassembler.path != nil, "no llvm-objdump on this machine"))
  func disassemblerReadsWhatWasWritten() throws {
    let code = Self.sample().code
    let read = try Disassembler.disassemble(code.bytes)
    let written = code.listing.map { Disassembler.normalized($0.text) }
    #expect(read.count == written.count)
    for (line, expected) in zip(read, written) { #expect(line == expected) }
  }

  @Test(.enabled(if: Self.runsX86Code, "this process may not run x86-64 code"))
  func jumpsLandOnTheirLabels() throws {
    // Counts 300 passes down by a jump of 32 bits around one of 8 bits that counts 2 passes down.
    var code = X86Assembler()
    code.emit(.moveImmediate, .rcx, immediate: 300)
    code.emit(.xor32, .rax, .rax)
    code.align(64)
    let top = code.here()
    for _ in 0..<60 { code.emit(.addImmediate, .rax, immediate: 1) }
    code.emit(.moveImmediate, .rdx, immediate: 2)
    let inner = code.here()
    code.emit(.addImmediate, .rax, immediate: 1)
    code.emit(.decrement, .rdx)
    code.jump(.jumpIfNotZero, to: inner)
    code.emit(.decrement, .rcx)
    code.jump(.jumpIfNotZero, to: top)
    code.emit(.ret)
    let memory = try ExecutableMemory(code: code.bytes)
    let function = unsafeBitCast(memory.base, to: (@convention(c) () -> Int).self)
    #expect(function() == 300 * 62)
  }

  /// CPUID has answered, so that emitted code runs here.
  static let runsX86Code: Bool =
    switch CPUFeatures.current {
    case .success(let cpu): !cpu.signature.isEmpty
    case .failure: false
    }
}

extension X86Assembler {
  fileprivate mutating func sample(_ row: GeneralInstruction, _ addresses: [Address]) {
    switch row.encoding.form {
    case .registers:
      emit(row, .rax, .rdx)
      emit(row, .r9, .rsp)
      emit(row, .rbp, .r15)
    case .load, .store:
      for address in addresses { emit(row, .rdx, address) }
      emit(row, .r11, addresses[6])
    case .immediate:
      emit(row, .rcx, immediate: 5)
      emit(row, .r12, immediate: -128)
      emit(row, .rsp, immediate: 100_000)
    case .immediate32:
      emit(row, .rcx, immediate: 5)
      emit(row, .r12, immediate: -100_000)
    case .shift:
      emit(row, .rdx, immediate: 32)
      emit(row, .r8, immediate: 3)
    case .unary, .opcodeRegister:
      emit(row, .rbx)
      emit(row, .r14)
    case .memory:
      for address in addresses { emit(row, address) }
    case .bare:
      emit(row)
    case .jump:
      let label = here()
      jump(row, to: label)
      for _ in 0..<42 { emit(.decrement, .rax) }
      jump(row, to: here())
      jump(row, to: label)
    case .padding:
      for count in 1...7 {
        align(8)
        for _ in 0..<(8 - count) { emit(.ret) }
        align(8)
      }
      // More than one instruction: 8, 8, 8 and 7 bytes.
      align(32)
      emit(.ret)
      align(32)
    }
  }

  private mutating func sample(
    _ row: VectorInstruction, evex: Bool, _ operands: X86Assembler.VectorOperands
  ) {
    vector(row, evex ? .zmm : .ymm, evex: evex, operands)
  }

  /// The second operand; forms without one encode 0.
  private func second(_ row: VectorInstruction, _ index: Int) -> UInt8 {
    row.encoding.form == .load || row.encoding.form == .store ? 0 : Vector(index).index
  }

  fileprivate mutating func sampleVEX(_ row: VectorInstruction, _ addresses: [Address]) {
    let encoding = row.encoding
    let immediate: UInt8? = encoding.form == .four ? 0x50 : encoding.hasImmediate ? 3 : nil
    for (to, a, b) in [(0, 1, 2), (9, 14, 7), (3, 8, 15)] where encoding.form != .store {
      sample(
        row, evex: false,
        .init(UInt8(to), second: second(row, a), last: .vector(Vector(b)), immediate: immediate))
    }
    for (index, address) in addresses.enumerated() {
      sample(
        row, evex: false,
        .init(
          UInt8(index * 2), second: second(row, 15 - index), last: .memory(address), immediate: immediate))
    }
  }

  fileprivate mutating func sampleEVEX(_ row: VectorInstruction, _ addresses: [Address]) {
    let encoding = row.encoding
    let immediate: UInt8? = encoding.hasImmediate ? 3 : nil
    let limit = encoding.form == .compare ? 7 : 31
    for (to, a, b) in [(0, 1, 2), (25, 30, 7), (3, 8, 31), (15, 23, 16)] where encoding.form != .store {
      sample(
        row, evex: true,
        .init(UInt8(to & limit), second: second(row, a), last: .vector(Vector(b)), immediate: immediate))
    }
    for (index, address) in addresses.enumerated() {
      sample(
        row, evex: true,
        .init(
          UInt8((index * 4 + 1) & limit), second: second(row, 31 - index), last: .memory(address),
          immediate: immediate))
    }
    if encoding.form != .compare {
      sample(
        row, evex: true,
        .init(
          17, second: second(row, 2), last: .memory(Address(.rsi, 128)), mask: Mask(3),
          immediate: immediate))
    }
  }
}
