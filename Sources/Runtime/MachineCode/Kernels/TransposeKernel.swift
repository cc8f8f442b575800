import FixresAssembler

/// What a transpose kernel reads from its only argument, in this order.
package struct TransposeArguments: BitwiseCopyable {
  package var source: UnsafePointer<Float>
  package var target: UnsafeMutablePointer<Float>
  /// Where each column goes, in floats from `target`.
  package var places: UnsafePointer<Int>
  /// From a row to the next.
  package var rowByteCount: Int
  /// Columns in vectors.
  package var blocks: Int

  package init(
    source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>, places: UnsafePointer<Int>,
    rowByteCount: Int, blocks: Int
  ) {
    (self.source, self.target, self.places) = (source, target, places)
    (self.rowByteCount, self.blocks) = (rowByteCount, blocks)
  }
}

/// Turns as many rows as a vector has lanes into columns, a whole vector each: how weights are packed.
package struct TransposeKernel: Hashable, Sendable {
  package var isa: VectorISA

  package init(isa: VectorISA) {
    self.isa = isa
  }
}

extension TransposeKernel {
  private static let places = Register.rcx
  private static let target = Register.rdx
  private static let count = Register.r8
  private static let row = Register.r9
  private static let threeRows = Register.rbp
  /// Every fourth row.
  private static let rows: [Register] = [.rsi, .r10, .r11, .rbx]
  /// How far ahead rows are asked for: callers come back to a row after so many bytes.
  package static let prefetchDistance = 512

  /// Appends the function to `kernel`.
  package func emit(into kernel: inout KernelAssembler) {
    let saved: [Register] = [.rbx, .rbp]
    kernel.enter(saving: saved)
    kernel.code.emit(.load, .rsi, Address(.rdi, 0))
    kernel.code.emit(.load, Self.target, Address(.rdi, 8))
    kernel.code.emit(.load, Self.places, Address(.rdi, 16))
    kernel.code.emit(.load, Self.row, Address(.rdi, 24))
    kernel.code.emit(.load, Self.count, Address(.rdi, 32))
    kernel.code.emit(.lea, Self.threeRows, Address(Self.row, 0, index: Self.row, scale: 2))
    kernel.code.emit(.lea, .r10, Address(.rsi, 0, index: Self.row, scale: 4))
    kernel.code.emit(.lea, .r11, Address(.rsi, 0, index: Self.row, scale: 8))
    kernel.code.emit(.lea, .rbx, Address(.r10, 0, index: Self.row, scale: 8))
    let top = kernel.code.here()
    emitBlock(&kernel)
    for rows in Self.rows { kernel.code.advance(rows, by: isa.byteCount) }
    kernel.code.advance(Self.places, by: isa.lanes * MemoryLayout<Int>.stride)
    kernel.code.emit(.dec, Self.count)
    kernel.code.jump(.notZero, to: top)
    kernel.leave(restoring: saved)
  }

  private func address(row: Int, _ displacement: Int) -> Address {
    let base = Self.rows[row / 4]
    return switch row % 4 {
    case 0: Address(base, displacement)
    case 3: Address(base, displacement, index: Self.threeRows)
    default: Address(base, displacement, index: Self.row, scale: row % 4)
    }
  }

  /// One square of `lanes` rows and columns.
  private func emitBlock(_ kernel: inout KernelAssembler) {
    let spare = isa.lanes
    for row in 0..<isa.lanes {
      kernel.code.emit(.prefetchT0, address(row: row, Self.prefetchDistance))
      kernel.load(Vector(row), address(row: row, 0))
    }
    // Four rows at a time, inside each 128 bits: part p of register 4q + k has rows 4q...4q + 3 of column 4p + k.
    for first in stride(from: 0, to: isa.lanes, by: 4) {
      let pairs = [(first, first + 1), (first + 2, first + 3)].map { (Vector($0.0), Vector($0.1)) }
      for (index, pair) in pairs.enumerated() {
        kernel.vector(.unpackLow, Vector(spare + 2 * index), pair.0, .vector(pair.1))
        kernel.vector(.unpackHigh, Vector(spare + 2 * index + 1), pair.0, .vector(pair.1))
      }
      for column in 0..<4 {
        kernel.vector(
          .shuffle, Vector(first + column), Vector(spare + column / 2),
          .vector(Vector(spare + column / 2 + 2)),
          immediate: column % 2 == 0 ? 0x44 : 0xEE)
      }
    }
    for column in 0..<4 {
      if isa.level == .avx512 {
        emitQuarters(&kernel, column, spare)
      } else {
        emitHalves(&kernel, column, spare)
      }
    }
  }

  private func emitStore(_ kernel: inout KernelAssembler, _ value: Vector, column: Int) {
    kernel.code.emit(.load, .rax, Address(Self.places, column * MemoryLayout<Int>.stride))
    kernel.store(Address(Self.target, 0, index: .rax, scale: 4), value)
  }

  private func emitHalves(_ kernel: inout KernelAssembler, _ column: Int, _ spare: Int) {
    for (part, parts) in [UInt8(0x20), 0x31].enumerated() {
      let value = Vector(spare + part)
      kernel.vector(.permuteHalves, value, Vector(column), .vector(Vector(4 + column)), immediate: parts)
      emitStore(&kernel, value, column: 4 * part + column)
    }
  }

  private func emitQuarters(_ kernel: inout KernelAssembler, _ column: Int, _ spare: Int) {
    // Parts 0 and 2 of two registers, or 1 and 3.
    let (even, odd) = (UInt8(0x88), UInt8(0xDD))
    func join(_ to: Int, _ a: Int, _ b: Int, _ parts: UInt8) {
      kernel.vector(.shuffleQuarters, Vector(to), Vector(a), .vector(Vector(b)), immediate: parts)
    }
    for (index, parts) in [even, odd].enumerated() {
      join(spare, column, 4 + column, parts)
      join(spare + 1, 8 + column, 12 + column, parts)
      for (half, parts) in [even, odd].enumerated() {
        join(spare + 2 + half, spare, spare + 1, parts)
        emitStore(&kernel, Vector(spare + 2 + half), column: 4 * (index + 2 * half) + column)
      }
    }
  }
}
