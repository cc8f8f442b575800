/// Assembles x86-64 machine code into a byte array.
package struct Assembler {
  /// A place in the code; a jump may name it before it is bound.
  package struct Label: Hashable, Sendable {
    fileprivate let index: Int
  }

  package enum Condition: UInt8, Sendable {
    case below = 2
    case aboveOrEqual = 3
    case zero = 4
    case notZero = 5
    case less = 12
    case greaterOrEqual = 13

    var name: String {
      switch self {
      case .below: "jb"
      case .aboveOrEqual: "jae"
      case .zero: "je"
      case .notZero: "jne"
      case .less: "jl"
      case .greaterOrEqual: "jge"
      }
    }
  }

  /// A line of the listing: where the instruction starts and its text in Intel syntax.
  package struct ListingLine: Sendable {
    package var offset: Int
    package var text: String
  }

  package internal(set) var bytes: [UInt8] = []
  package private(set) var listing: [ListingLine] = []
  /// Off by default: text costs more than the code that it describes.
  package let recordsListing: Bool
  private var labelOffsets: [Int?] = []
  private var fixups: [(position: Int, label: Int)] = []

  package init(recordsListing: Bool = false) {
    self.recordsListing = recordsListing
  }

  // MARK: Labels

  package mutating func makeLabel() -> Label {
    labelOffsets.append(nil)
    return Label(index: labelOffsets.count - 1)
  }

  package mutating func bind(_ label: Label) {
    precondition(labelOffsets[label.index] == nil, "label \(label.index) is bound twice")
    labelOffsets[label.index] = bytes.count
  }

  /// A label bound to the current place.
  package mutating func here() -> Label {
    let label = makeLabel()
    bind(label)
    return label
  }

  package mutating func jump(_ condition: Condition, to label: Label) {
    record { "\(condition.name) L\(label.index)" }
    if let target = labelOffsets[label.index], let near = Int8(exactly: target - bytes.count - 2) {
      bytes += [0x70 | condition.rawValue, UInt8(bitPattern: near)]
      return
    }
    bytes += [0x0F, 0x80 | condition.rawValue]
    appendRelative(label)
  }

  package mutating func jump(to label: Label) {
    record { "jmp L\(label.index)" }
    bytes.append(0xE9)
    appendRelative(label)
  }

  private mutating func appendRelative(_ label: Label) {
    fixups.append((bytes.count, label.index))
    append32(0)
  }

  /// Resolves all jumps and returns the code.
  package mutating func finish() -> [UInt8] {
    for fixup in fixups {
      guard let target = labelOffsets[fixup.label] else {
        preconditionFailure("label \(fixup.label) is never bound")
      }
      let relative = UInt32(bitPattern: Int32(target - fixup.position - 4))
      for byte in 0..<4 { bytes[fixup.position + byte] = UInt8(truncatingIfNeeded: relative >> (8 * byte)) }
    }
    fixups.removeAll()
    return bytes
  }

  // MARK: Bytes

  /// Pads to a multiple of `alignment` with long no-operations.
  package mutating func align(_ alignment: Int) {
    var count = (alignment - bytes.count % alignment) % alignment
    while count > 0 {
      let nop = Assembler.nops[min(count, Assembler.nops.count) - 1]
      record { "nop" }
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

  mutating func append32(_ value: UInt32) {
    for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
  }

  mutating func record(_ text: () -> String) {
    if recordsListing { listing.append(ListingLine(offset: bytes.count, text: text())) }
  }

  /// Appends ModRM, SIB and displacement of a memory operand.
  ///
  ///     ModRM  mod:2 reg:3 rm:3        rm = 100 announces a SIB byte
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
    if mode == 2 { append32(UInt32(bitPattern: Int32(address.displacement))) }
  }
}
