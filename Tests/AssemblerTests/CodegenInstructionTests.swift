#if arch(x86_64)
  import FixresAssembler
  import Foundation
  import TestSupport
  import Testing

  /// Every row of the instruction tables against recorded bytes, and against a disassembler where one is found.
  @Suite struct CodegenInstructionTests {
    /// Each row with low and high registers, each kind of address, and each displacement size.
    static func sample() -> Assembler {
      var code = Assembler(recordsListing: true)
      let addresses = [
        Address(.rax), Address(.rbp), Address(.rsp, 64), Address(.r12, -128), Address(.r13),
        Address(.rdi, 4096), Address(.r9, 68, index: .r14, scale: 4), Address(.rbx, 1_000_000, index: .rcx),
      ]
      for row in GeneralInstruction.table { code.sample(row, addresses) }
      code.push(.rbx)
      code.push(.r15)
      code.pop(.r15)
      code.pop(.rbx)
      for row in VectorInstruction.table {
        if row.encodings != .evex { code.sampleVEX(row, addresses) }
        if row.encodings != .vex { code.sampleEVEX(row, addresses) }
      }
      return code
    }

    @Test func bytesAreTheRecordedOnes() throws {
      var code = Self.sample()
      let bytes = code.finish()
      let ends = code.listing.dropFirst().map(\.offset) + [bytes.count]
      let lines = zip(code.listing, ends).map { line, end in
        let hex = bytes[line.offset..<end].map { String(format: "%02x", $0) }.joined()
        return "\(hex) \(line.text)"
      }
      let text = lines.joined(separator: "\n") + "\n"
      let path = TestData.golden("codegen/instructions.txt")
      if ProcessInfo.processInfo.environment["FIXRESC_BLESS"] == "1" {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
      }
      let golden = try String(contentsOfFile: path, encoding: .utf8)
      #expect(golden.split(separator: "\n").count > 400)
      for (line, expected) in zip(text.split(separator: "\n"), golden.split(separator: "\n")) {
        #expect(line == expected)
      }
      #expect(text == golden)
    }

    @Test(.enabled(if: Disassembler.path != nil, "no disassembler on this machine"))
    func disassemblerReadsWhatWasWritten() throws {
      var code = Self.sample()
      let bytes = code.finish()
      let read = try Disassembler.disassemble(bytes)
      let written = code.listing.map { Disassembler.normalized($0.text) }
      #expect(read.count == written.count)
      for (line, expected) in zip(read, written) { #expect(line == expected) }
    }

    @Test func jumpsLandOnTheirLabels() throws {
      // Counts down from 300 by way of a forward jump over a trap and a backward loop of more than 127 bytes.
      var code = Assembler()
      let over = code.makeLabel()
      code.emit(.moveImmediate, .rcx, immediate: 300)
      code.emit(.xor32, .rax, .rax)
      code.jump(to: over)
      for _ in 0..<200 { code.emit(.ret) }
      code.bind(over)
      code.align(64)
      let top = code.here()
      for _ in 0..<60 { code.emit(.addImmediate, .rax, immediate: 1) }
      code.emit(.dec, .rcx)
      code.jump(.notZero, to: top)
      code.emit(.ret)
      let memory = try ExecutableMemory(code: code.finish())
      let function = unsafeBitCast(memory.base, to: (@convention(c) () -> Int).self)
      #expect(function() == 18_000)
    }
  }

  extension Assembler {
    fileprivate mutating func sample(_ row: GeneralInstruction, _ addresses: [Address]) {
      switch row.form {
      case .load, .store:
        if row.name != "lea" {
          emit(row, .rax, .rdx)
          emit(row, .r9, .rsp)
          emit(row, .rbp, .r15)
        }
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
      case .unary:
        emit(row, .rbx)
        emit(row, .r14)
      case .memory:
        for address in addresses { emit(row, address) }
      case .bare:
        emit(row)
      }
    }

    fileprivate mutating func sampleVEX(_ row: VectorInstruction, _ addresses: [Address]) {
      let immediate: UInt8? = row.form == .four ? 0x50 : row.hasImmediate ? 3 : nil
      let registersOnly = row.tuple != .quarter && row.name != "vmovntps"
      if registersOnly {
        for (to, a, b) in [(0, 1, 2), (9, 14, 7), (3, 8, 15)] {
          if row.form == .store { continue }
          emitVector(row, .ymm, evex: false, Vector(to), Vector(a), .vector(Vector(b)), immediate: immediate)
        }
      }
      for (index, address) in addresses.enumerated() {
        emitVector(
          row, .ymm, evex: false, Vector(index * 2), Vector(15 - index), .memory(address),
          immediate: immediate)
      }
    }

    fileprivate mutating func sampleEVEX(_ row: VectorInstruction, _ addresses: [Address]) {
      let immediate: UInt8? = row.hasImmediate ? 3 : nil
      let limit = row.form == .compare ? 7 : 31
      if row.tuple != .quarter && row.name != "vmovntps" && row.form != .store {
        for (to, a, b) in [(0, 1, 2), (25, 30, 7), (3, 8, 31), (15, 23, 16)] {
          emitVector(
            row, .zmm, evex: true, Vector(to & limit), Vector(a), .vector(Vector(b)), immediate: immediate)
        }
      }
      for (index, address) in addresses.enumerated() {
        emitVector(
          row, .zmm, evex: true, Vector((index * 4 + 1) & limit), Vector(31 - index), .memory(address),
          immediate: immediate)
        guard row.tuple == .full else { continue }
        var repeated = address
        repeated.broadcast = true
        emitVector(
          row, .zmm, evex: true, Vector((index * 3) & limit), Vector(16 + index), .memory(repeated),
          immediate: immediate)
      }
      let maskable = row.name != "vmovntps" && row.form != .compare
      if maskable {
        emitVector(
          row, .zmm, evex: true, Vector(17), Vector(2), .memory(Address(.rsi, 128)), immediate: immediate,
          mask: Mask(3), zeroing: row.form != .store)
      }
    }
  }
#endif
