#if arch(x86_64)
  import FixresAssembler
  import FixresBase
  import FixresRuntime
  import Testing

  /// Packing's transposition against the loop that defines it, guard words around what it writes.
  @Suite struct WeightTransposeTests {
    /// Rows and columns: a vector less, exact, more, primes, and more columns than one pass takes.
    static let sizes: [(lanes: Int, columns: Int)] = [
      (1, 1), (7, 5), (8, 8), (15, 17), (16, 16), (16, 144), (17, 31), (24, 128), (32, 127), (40, 160),
      (64, 147), (64, 288), (63, 300),
    ]

    @Test(
      .enabled(if: !CodegenConvolutionTests.levels.isEmpty, "this processor runs no emitted kernels"),
      arguments: sizes)
    func columnsGoToTheirPlaces(_ lanes: Int, _ columns: Int) throws {
      let width = lanes + 3
      let rowLength = columns + 5
      var random = SeededRandom(seed: UInt64(lanes * 1000 + columns))
      let source = (0..<(lanes * rowLength)).map { _ in Float(random.nextGaussian()) }
      // Backwards, so that no order of the columns is taken for granted.
      let places = (0..<columns).map { (columns - 1 - $0) * width }
      for level in CodegenConvolutionTests.levels {
        let isa = VectorISA(level)
        let kernel = try KernelCache(isa: isa).kernel(.transpose(TransposeKernel(isa: isa)))
        let transpose = WeightTranspose(kernel, isa)
        let target = GuardedTensor(byteCount: columns * width * 4)
        for index in 0..<(columns * width) { target.floats[index] = -1 }
        try places.withUnsafeBufferPointer { places in
          let first = try #require(places.baseAddress)
          transpose(source, rowLength: rowLength, columns: columns, lanes: lanes, target.floats, first)
          extendLifetime(kernel)
        }
        var differing = 0
        for column in 0..<columns {
          for lane in 0..<width {
            let expected = lane < lanes ? source[lane * rowLength + column] : -1
            if target.floats[places[column] + lane] != expected { differing += 1 }
          }
        }
        #expect(differing == 0, "\(level) \(lanes)x\(columns)")
        #expect(target.guardsAreIntact, "\(level) \(lanes)x\(columns) wrote outside")
      }
    }

    @Test func blocksOfAPoolAreZeroAlignedAndApart() {
      let pool = BlockPool()
      let blocks = [1, 16, 17, 5_000_000, 3, 17_000_000, 700].compactMap { pool.block(count: $0, of: .f32) }
      for (index, block) in blocks.enumerated() {
        let count = block.byteCount / 4
        #expect(Int(bitPattern: block.base) % 64 == 0)
        #expect(block.floats[0] == 0 && block.floats[count - 1] == 0)
        block.floats[0] = Float(index)
        block.floats[count - 1] = Float(index)
      }
      for (index, block) in blocks.enumerated() {
        #expect(block.floats[0] == Float(index) && block.floats[block.byteCount / 4 - 1] == Float(index))
      }
    }
  }
#endif
