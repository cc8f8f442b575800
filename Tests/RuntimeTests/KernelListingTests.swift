import FixresAssembler
import FixresBase
import FixresRuntime
import TestSupport
import Testing

/// Emitted code against recorded listings. Nothing here runs the code, so that every machine checks all of it.
@Suite struct KernelListingTests {
  static let instructionSets: [VectorISA] = [.avx2, .avx512]
  static let cases = instructionSets.flatMap { isa in KernelCatalogue.listed(isa).map { (isa, $0.name) } }

  @Test(arguments: cases)
  func listingIsTheRecordedOne(_ isa: VectorISA, _ name: String) throws {
    let kernel = try #require(KernelCatalogue.listed(isa).first { $0.name == name }).kernel
    let text = "; \(kernel.name)\n" + kernel.assembled(isa, recordsListing: true).text
    let difference = Golden.difference(text, from: "codegen/\(isa.level.rawValue)/\(name).txt")
    #expect(difference == nil)
  }

  /// A golden that nothing reads any more would promise what nobody checks.
  @Test(arguments: instructionSets) func everyGoldenIsRead(_ isa: VectorISA) {
    let names = KernelCatalogue.listed(isa).map { $0.name + ".txt" } + ["sweep.txt"]
    #expect(Golden.names(in: "codegen/\(isa.level.rawValue)").sorted() == names.sorted())
  }

  /// Length and CRC-32C of every kernel of a wide sweep: what the listings leave out.
  @Test(arguments: instructionSets)
  func codeOfTheSweepIsTheRecordedOne(_ isa: VectorISA) {
    let lines = KernelCatalogue.sweep(isa).map { entry in
      let code = entry.kernel.assembled(isa).bytes
      let checksum = code.withUnsafeBytes { CRC32C.checksum($0) }
      return "\(entry.name) \(code.count) \(String(checksum, radix: 16))\n"
    }
    let difference = Golden.difference(lines.joined(), from: "codegen/\(isa.level.rawValue)/sweep.txt")
    #expect(difference == nil)
  }

  /// A row without an emitter has no place in the tables, and the round trip of the tables covers what is emitted.
  @Test func emittersUseExactlyTheTables() {
    var used: Set<X86Assembler.Instruction> = []
    for isa in Self.instructionSets {
      for entry in KernelCatalogue.listed(isa) + KernelCatalogue.sweep(isa) {
        var assembler = X86KernelAssembler(isa, recordsListing: true)
        entry.kernel.emit(into: &assembler)
        used.formUnion(assembler.usedInstructions)
      }
      var peak = X86KernelAssembler(isa, recordsListing: true)
      PeakLoop.emit(into: &peak)
      used.formUnion(peak.usedInstructions)
    }
    used.formUnion(HardwareChecksum.assemble(recordsListing: true).usedInstructions)
    used.formUnion(CPUIDStub.assemble(recordsListing: true).code.usedInstructions)
    let withoutEmitter = Set(X86Assembler.Instruction.all).subtracting(used)
    #expect(withoutEmitter.isEmpty)
  }
}
