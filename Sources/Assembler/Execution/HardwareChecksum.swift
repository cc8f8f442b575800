import FixresBase

/// CRC-32C of long runs of bytes by the processor's own instruction, and by tables where it cannot be used.
///
/// The instruction takes 3 cycles and can start every cycle, so three runs are summed side by side and joined.
package enum HardwareChecksum {
  /// Advances three states over three adjacent runs of `byteCount` bytes each.
  private typealias ThreeRuns =
    @convention(c) (_ runs: UnsafeRawPointer, _ byteCount: Int, _ states: UnsafeMutablePointer<UInt64>) ->
    Void

  /// Words of each run that a pass of the loop takes.
  private static let unroll = 8
  /// Fewer bytes are summed by tables: joining three sums takes a few microseconds.
  private static let leastByteCount = 1 << 16

  /// The checksum of `seed`'s bytes followed by `bytes`; a `seed` of 0 starts anew.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    guard bytes.count >= leastByteCount, let base = bytes.baseAddress, let code else {
      return CRC32C.checksum(bytes, seed: seed)
    }
    let unit = 8 * unroll
    let run = bytes.count / (3 * unit) * unit
    var states: (UInt64, UInt64, UInt64) = (UInt64(~seed), UInt64(UInt32.max), UInt64(UInt32.max))
    withUnsafeMutablePointer(to: &states) {
      $0.withMemoryRebound(to: UInt64.self, capacity: 3) {
        unsafeBitCast(code.base, to: ThreeRuns.self)(base, run, $0)
      }
    }
    var sum = ~UInt32(truncatingIfNeeded: states.0)
    sum = CRC32C.combine(sum, ~UInt32(truncatingIfNeeded: states.1), byteCountOfB: run)
    sum = CRC32C.combine(sum, ~UInt32(truncatingIfNeeded: states.2), byteCountOfB: run)
    return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[(3 * run)...]), seed: sum)
  }

  /// What long runs are summed by.
  package enum Method: Sendable {
    case instruction
    /// The processor has no CRC-32C instruction, or what it has could not be asked.
    case tablesWithoutInstruction
    /// The system refuses executable memory.
    case tablesWithoutMemory(ExecutableMemoryError)
  }

  /// What long runs are summed by in this process, and why.
  package static var method: Method {
    switch emitted {
    case .success(.some): .instruction
    case .success(.none): .tablesWithoutInstruction
    case .failure(let error): .tablesWithoutMemory(error)
    }
  }

  /// The emitted function; nil means tables.
  ///
  /// That no reason is thrown from here is right: the tables give the same sum, so that only the time of opening a
  /// model differs, and whoever wants to know why asks `method`.
  private static var code: ExecutableMemory? {
    guard case .success(let code) = emitted else { return nil }
    return code
  }

  /// The function for the life of the process; nil where the processor lacks the instruction.
  private static let emitted: Result<ExecutableMemory?, ExecutableMemoryError> = {
    switch CPUFeatures.current {
    case .failure(let error): return .failure(error)
    case .success(let cpu) where !cpu.features.contains(.sse42): return .success(nil)
    case .success:
      return Result { () throws(ExecutableMemoryError) in try ExecutableMemory(code: assemble().bytes) }
    }
  }()

  /// `(runs: pointer to the first, byteCount of each, states: [UInt64; 3])`: rdi, rsi, rdx.
  ///
  ///     for 64 bytes of each run:
  ///       for word in 0..<8:  s0 = crc(s0, run0[word]);  s1 = crc(s1, run1[word]);  s2 = crc(s2, run2[word])
  package static func assemble(recordsListing: Bool = false) -> X86Assembler {
    var code = X86Assembler(recordsListing: recordsListing)
    let states: [Register] = [.rax, .r8, .r9]
    for (index, state) in states.enumerated() { code.emit(.load, state, Address(.rdx, 8 * index)) }
    code.emit(.lea, .r10, Address(.rdi, 0, index: .rsi, scale: 2))
    code.emit(.move, .rcx, .rsi)
    code.emit(.shiftRight, .rcx, immediate: (unroll * 8).trailingZeroBitCount)
    code.align(32)
    let top = code.here()
    for word in 0..<unroll {
      code.emit(.crc32, states[0], Address(.rdi, 8 * word))
      code.emit(.crc32, states[1], Address(.rdi, 8 * word, index: .rsi))
      code.emit(.crc32, states[2], Address(.r10, 8 * word))
    }
    code.advance(.rdi, by: 8 * unroll)
    code.advance(.r10, by: 8 * unroll)
    code.emit(.decrement, .rcx)
    code.jump(.jumpIfNotZero, to: top)
    for (index, state) in states.enumerated() { code.emit(.store, state, Address(.rdx, 8 * index)) }
    code.emit(.ret)
    return code
  }
}
