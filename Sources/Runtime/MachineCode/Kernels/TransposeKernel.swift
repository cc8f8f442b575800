import FixresAssembler

/// What a transpose kernel reads from its only argument, in this order.
package struct TransposeArguments: BitwiseCopyable {
  package var source: UnsafePointer<Float>
  package var target: UnsafeMutablePointer<Float>
  /// Where each column goes, in floats from `target`.
  package var offsets: UnsafePointer<Int>
  /// From a row to the next.
  package var rowByteCount: Int
  /// Columns in vectors.
  package var blocks: Int

  package init(
    source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>,
    rowByteCount: Int, blocks: Int
  ) {
    (self.source, self.target, self.offsets) = (source, target, offsets)
    (self.rowByteCount, self.blocks) = (rowByteCount, blocks)
  }
}

/// One emitted function: turns as many rows as a vector has lanes into columns, a whole vector each, which is how
/// weights are packed.
///
///     for square in 0..<blocks:                      lanes rows by lanes columns
///       v[row] = the row's next vector
///       4 rows by 4 lanes inside each quarter:       interleave, join
///       quarters of different registers:             even and odd ones, log2(lanes / 4) times
///       for column in 0..<lanes:  target[offsets[column]] = one lane of each row
///
/// Inside a quarter of rows a to d:
///
///     a0 a1 a2 a3                   a0 b0 a1 b1                a0 b0 c0 d0
///     b0 b1 b2 b3    interleave     a2 b2 a3 b3    join        a1 b1 c1 d1
///     c0 c1 c2 c3    -------->      c0 d0 c1 d1    ---->       a2 b2 c2 d2
///     d0 d1 d2 d3                   c2 d2 c3 d3                a3 b3 c3 d3
package struct TransposeKernel: Hashable, Sendable {
  package var isa: VectorISA

  package init(isa: VectorISA) {
    self.isa = isa
  }
}

extension TransposeKernel {
  /// How far ahead rows are prefetched: a caller's next visit to a row starts so many bytes further on.
  package static let prefetchDistance = 512

  /// Appends the function to `kernel`.
  package func emit(into kernel: inout some KernelAssembler) {
    kernel.function(FunctionFrame(addressesRows: true)) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      kernel.loadArgument(.offsets, field: 2)
      kernel.loadArgument(.rowStride, field: 3)
      kernel.loadArgument(.blockCount, field: 4)
      kernel.formRows()
      kernel.countDown(.blockCount) { kernel in
        emitBlock(&kernel)
        kernel.advanceRows(by: isa.byteCount)
        kernel.advance(.offsets, by: isa.lanes * MemoryLayout<Int>.stride)
      }
    }
  }

  /// One square of `lanes` rows and columns.
  private func emitBlock(_ kernel: inout some KernelAssembler) {
    let spare = isa.lanes
    for row in 0..<isa.lanes {
      kernel.prefetchRow(row, displacement: Self.prefetchDistance)
      kernel.loadRow(Vector(row), row: row)
    }
    // Four rows at a time, inside each quarter: quarter p of register 4q + k has rows 4q...4q + 3 of column 4p + k.
    for first in stride(from: 0, to: isa.lanes, by: 4) {
      for pair in 0..<2 {
        let (a, b) = (Vector(first + 2 * pair), Vector(first + 2 * pair + 1))
        kernel.interleaveLow(Vector(spare + 2 * pair), a, b)
        kernel.interleaveHigh(Vector(spare + 2 * pair + 1), a, b)
      }
      for column in 0..<4 {
        let (a, b) = (Vector(spare + column / 2), Vector(spare + column / 2 + 2))
        if column % 2 == 0 {
          kernel.joinLow(Vector(first + column), a, b)
        } else {
          kernel.joinHigh(Vector(first + column), a, b)
        }
      }
    }
    for column in 0..<4 {
      if isa.lanes == 16 {
        emitFourQuarters(&kernel, column, spare)
      } else {
        emitTwoQuarters(&kernel, column, spare)
      }
    }
  }

  /// Columns `column` and `4 + column` of a square of 8.
  private func emitTwoQuarters(_ kernel: inout some KernelAssembler, _ column: Int, _ spare: Int) {
    for isOdd in [false, true] {
      let value = Vector(spare + (isOdd ? 1 : 0))
      joinQuarters(&kernel, value, (column, 4 + column), odd: isOdd)
      emitStore(&kernel, value, column: (isOdd ? 4 : 0) + column)
    }
  }

  /// Columns `column`, `4 + column`, `8 + column` and `12 + column` of a square of 16.
  private func emitFourQuarters(_ kernel: inout some KernelAssembler, _ column: Int, _ spare: Int) {
    for first in [false, true] {
      joinQuarters(&kernel, Vector(spare), (column, 4 + column), odd: first)
      joinQuarters(&kernel, Vector(spare + 1), (8 + column, 12 + column), odd: first)
      for second in [false, true] {
        let value = Vector(spare + (second ? 3 : 2))
        joinQuarters(&kernel, value, (spare, spare + 1), odd: second)
        emitStore(&kernel, value, column: (first ? 4 : 0) + (second ? 8 : 0) + column)
      }
    }
  }

  private func joinQuarters(
    _ kernel: inout some KernelAssembler, _ to: Vector, _ pair: (Int, Int), odd isOdd: Bool
  ) {
    let (a, b) = (Vector(pair.0), Vector(pair.1))
    if isOdd { kernel.oddQuarters(to, a, b) } else { kernel.evenQuarters(to, a, b) }
  }

  private func emitStore(_ kernel: inout some KernelAssembler, _ value: Vector, column: Int) {
    kernel.store(atOffset: MemoryOperand(.offsets, column * MemoryLayout<Int>.stride), value)
  }
}
