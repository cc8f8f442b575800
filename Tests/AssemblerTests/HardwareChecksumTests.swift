import FixresAssembler
import FixresBase
import Testing

/// The processor's checksum against the tables', whatever the length, place and seed.
@Suite struct HardwareChecksumTests {
  @Test func equalsTheTables() {
    let count = 300_000
    var random = SeededRandom(seed: 3)
    let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    bytes.withUnsafeBytes { bytes in
      for (start, length) in [(0, 65536), (1, 65537), (7, 196_607), (3, 200_000), (0, 300_000), (5, 99_991)] {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
        // Pieces too short for the instruction go through the tables.
        var expected: UInt32 = 0x1234_5678
        for piece in stride(from: 0, to: length, by: 4096) {
          expected = CRC32C.checksum(
            UnsafeRawBufferPointer(rebasing: whole[piece..<min(piece + 4096, length)]), seed: expected)
        }
        #expect(
          HardwareChecksum.checksum(whole, seed: 0x1234_5678) == expected, "\(length) bytes from \(start)")
      }
    }
  }

  @Test func methodNamesWhatTheProcessorOffers() {
    switch (CPUFeatures.current, HardwareChecksum.method) {
    case (.success(let cpu), .instruction): #expect(cpu.features.contains(.sse42))
    case (.success(let cpu), .tablesWithoutInstruction): #expect(!cpu.features.contains(.sse42))
    case (.success, .tablesWithoutMemory(let error)), (.failure, .tablesWithoutMemory(let error)):
      #expect(error.byteCount > 0)
    case (.failure, let method): Issue.record("\(method) although CPUID could not be asked")
    }
  }
}
