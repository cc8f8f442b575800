/// Assembles x86-64 machine code into a byte array.
package struct X86Assembler {
  /// A bound place in the code, the target of jumps back.
  package struct Label: Sendable {
    fileprivate let offset: Int
  }

  /// A row of either instruction table.
  package enum Instruction: Hashable, Sendable {
    case general(GeneralInstruction)
    case vector(VectorInstruction)

    /// Every row of both tables.
    package static var all: [Instruction] {
      GeneralInstruction.allCases.map(Instruction.general)
        + VectorInstruction.allCases.map(Instruction.vector)
    }
  }

  package internal(set) var bytes: [UInt8] = []
  /// The first thing that could not be encoded; what is emitted then is never to be run.
  package internal(set) var fault: AssemblyFault?
  /// Bytes of a function at most: far beyond any that is worth its cache.
  static let mostBytes = 16 << 20
  /// Empty unless `recordsListing`.
  package private(set) var listing: [AssembledCode.Line] = []
  /// The rows that have been emitted; recorded with the listing.
  package private(set) var usedInstructions: Set<Instruction> = []
  /// Off by default: text costs more than the code that it describes.
  package let recordsListing: Bool

  package init(recordsListing: Bool = false) {
    self.recordsListing = recordsListing
  }

  /// Bytes and listing.
  package var code: AssembledCode { AssembledCode(fault: fault, bytes: bytes, listing: listing) }

  // MARK: Jumps

  /// A label bound to the current place.
  package func here() -> Label { Label(offset: bytes.count) }

  /// Jumps back to `label`, by 8 bits where they reach and by 32 bits elsewhere.
  ///
  ///     75 rel8         rel counts from the end of the instruction
  ///     0F 85 rel32
  package mutating func jump(_ row: GeneralInstruction, to label: Label) {
    let encoding = row.encoding
    precondition(encoding.form == .jump, "\(encoding.name) is no jump")
    record(.general(row)) { "\(encoding.name) 0x" + String(label.offset, radix: 16) }
    let opcode = UInt8(encoding.opcode)
    if let near = Int8(exactly: label.offset - bytes.count - 2) {
      bytes += [opcode, UInt8(bitPattern: near)]
    } else {
      bytes += [0x0F, opcode + 0x10]
      append32(signed: label.offset - bytes.count - 4)
    }
  }

  // MARK: Bytes

  /// Pads to a multiple of `alignment` with long no-operations.
  package mutating func align(_ alignment: Int) {
    var count = (alignment - bytes.count % alignment) % alignment
    while count > 0 {
      let nop = X86Assembler.nops[min(count, X86Assembler.nops.count) - 1]
      record(.general(.nop)) { GeneralInstruction.nop.encoding.name }
      bytes += nop
      count -= nop.count
    }
  }

  // The no-operations that the processor manuals recommend, by length.
  private static let nops: [[UInt8]] = [
    [0x90], [0x66, 0x90], [0x0F, 0x1F, 0x00], [0x0F, 0x1F, 0x40, 0x00], [0x0F, 0x1F, 0x44, 0x00, 0x00],
    [0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00], [0x0F, 0x1F, 0x80, 0, 0, 0, 0],
    [0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0],
  ]

  /// `value` in 32 bits; one that does not fit makes the code a fault.
  mutating func append32(signed value: Int) {
    if Int32(exactly: value) == nil, fault == nil { fault = .distance(value) }
    append32(UInt32(truncatingIfNeeded: value))
  }

  /// Called for each instruction: code beyond the limit is dropped, so that it takes no memory.
  mutating func limitSize() {
    guard bytes.count > Self.mostBytes else { return }
    if fault == nil { fault = .codeSize(limit: Self.mostBytes) }
    bytes.removeAll(keepingCapacity: true)
    listing.removeAll()
  }

  mutating func append32(_ value: UInt32) {
    for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
  }

  mutating func record(_ instruction: Instruction, _ text: () -> String) {
    guard recordsListing else { return }
    listing.append(AssembledCode.Line(offset: bytes.count, text: text()))
    usedInstructions.insert(instruction)
  }

  /// Appends ModRM, SIB and displacement of a memory operand.
  ///
  ///     ModRM  mod:2 reg:3 rm:3        mod 00 no displacement, 01 8 bits, 10 32 bits, 11 a register
  ///                                    rm = 100 announces a SIB byte
  ///     SIB    scale:2 index:3 base:3  index = 100 means none
  ///
  /// `unit` is N of EVEX's disp8*N; 1 elsewhere. Base rbp or r13 cannot go without a displacement.
  mutating func appendMemory(register: UInt8, _ address: Address, unit: Int) {
    let base = address.base.rawValue & 7
    let scaled = address.displacement / unit
    let mode: UInt8
    if address.displacement == 0 && base != 5 {
      mode = 0
    } else if address.displacement % unit == 0 && Int8(exactly: scaled) != nil {
      mode = 1
    } else {
      mode = 2
    }
    let field = (register & 7) << 3
    if let index = address.index {
      let scale = UInt8(address.scale.trailingZeroBitCount)
      bytes.append(mode << 6 | field | 4)
      bytes.append(scale << 6 | (index.rawValue & 7) << 3 | base)
    } else {
      bytes.append(mode << 6 | field | base)
      if base == 4 { bytes.append(0x24) }
    }
    if mode == 1 { bytes.append(UInt8(bitPattern: Int8(scaled))) }
    if mode == 2 { append32(signed: address.displacement) }
  }
}
