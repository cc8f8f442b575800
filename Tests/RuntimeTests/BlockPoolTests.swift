import FixresBase
import FixresRuntime
import Testing

@Suite struct BlockPoolTests {
  /// With large pages, and with small ones because every large one counts as slow.
  @Test(arguments: [UInt64.max, 0]) func blocksAreZeroAlignedAndApart(slowPageNanoseconds: UInt64) {
    let pool = BlockPool(pages: LargePages(slowNanoseconds: slowPageNanoseconds))
    var random = SeededRandom(seed: 11)
    var counts = [1, 16, 17, 1 << 19, (1 << 19) + 1, 17 << 20, 5, (3 << 19) - 3, 18 << 20, 1 << 20]
    counts += (0..<40).map { _ in random.nextInt(in: 1..<(1 << 18)) }
    let blocks = counts.compactMap { pool.block(count: $0, of: .f32) }
    #expect(blocks.count == counts.count)
    for (index, block) in blocks.enumerated() {
      #expect(block.byteCount == counts[index] * 4 && Int(bitPattern: block.base) % 64 == 0)
      let values = UnsafeMutableBufferPointer(start: block.floats, count: counts[index])
      #expect(values.allSatisfy { $0 == 0 }, "block \(index) of \(counts[index])")
      values.update(repeating: Float(index))
    }
    for (index, block) in blocks.enumerated() {
      let values = UnsafeBufferPointer(start: block.floats, count: counts[index])
      #expect(values.allSatisfy { $0 == Float(index) }, "block \(index) of \(counts[index])")
    }
  }

  /// A part keeps the memory that it lies in.
  @Test func aBlockOutlivesItsPool() {
    var pool: BlockPool? = BlockPool()
    let block = pool?.block(count: 1 << 20, of: .f32)
    pool = nil
    block?.floats[(1 << 20) - 1] = 3
    #expect(block?.floats[(1 << 20) - 1] == 3)
  }
}
