import FixresBase

#if arch(x86_64)
  /// CRC-32C by the processor's own instruction, three runs of words at a time: it takes 3 cycles and starts every one.
  package enum HardwareChecksum {
    /// Words of each run that a pass of the loop takes.
    private static let unroll = 8

    /// Makes `CRC32C` use the instruction, where the processor has it and the system lets code be emitted.
    package static func install() {
      _ = installed
    }

    /// The emitted function stays for the life of the process.
    private static let installed: ExecutableMemory? = {
      guard let cpu = try? CPUFeatures.current.get(), cpu.features.contains(.sse42),
        let memory = try? ExecutableMemory(code: code())
      else { return nil }
      CRC32C.install(unsafeBitCast(memory.base, to: CRC32C.ThreeRuns.self), wordMultiple: unroll)
      return memory
    }()

    /// `(runs: pointer to the first, byteCount of each, states: [UInt64; 3])`: rdi, rsi, rdx.
    private static func code() -> [UInt8] {
      var code = Assembler()
      let states: [Register] = [.rax, .r8, .r9]
      for (index, state) in states.enumerated() { code.emit(.load, state, Address(.rdx, 8 * index)) }
      code.emit(.lea, .r10, Address(.rdi, 0, index: .rsi, scale: 2))
      code.emit(.load, .rcx, .rsi)
      code.emit(.shr, .rcx, immediate: (unroll * 8).trailingZeroBitCount)
      code.align(32)
      let top = code.here()
      for word in 0..<unroll {
        code.emit(.crc32, states[0], Address(.rdi, 8 * word))
        code.emit(.crc32, states[1], Address(.rdi, 8 * word, index: .rsi))
        code.emit(.crc32, states[2], Address(.r10, 8 * word))
      }
      code.advance(.rdi, by: 8 * unroll)
      code.advance(.r10, by: 8 * unroll)
      code.emit(.dec, .rcx)
      code.jump(.notZero, to: top)
      for (index, state) in states.enumerated() { code.emit(.store, state, Address(.rdx, 8 * index)) }
      code.emit(.ret)
      return code.finish()
    }
  }
#else
  /// No instruction that this build could emit.
  package enum HardwareChecksum {
    package static func install() {}
  }
#endif
