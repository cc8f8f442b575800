import FixresAssembler

/// How a Winograd convolution is cut.
package struct WinogradTiling: Hashable, Sendable {
  package var scheme: WinogradScheme
  /// Output channel blocks of a product's tile (nr).
  package var blocks: Int
  /// Tile rows that are transformed and multiplied together.
  package var rowsPerChunk: Int
  /// Threads split the groups of output blocks, each with a transformed input of its own, instead of chunks of tiles.
  package var isReplicated: Bool

  package init(scheme: WinogradScheme, blocks: Int, rowsPerChunk: Int, isReplicated: Bool) {
    (self.scheme, self.blocks) = (scheme, blocks)
    (self.rowsPerChunk, self.isReplicated) = (rowsPerChunk, isReplicated)
  }

  /// 3x3, the scheme's stride, one group, all channels in blocks of the ISA, and a format that keeps what the
  /// transforms add up.
  package static func applies(
    _ scheme: WinogradScheme, to descriptor: ConvolutionDescriptor, _ isa: VectorISA
  ) -> Bool {
    descriptor.kernelHeight == 3 && descriptor.kernelWidth == 3 && !descriptor.isDilated
      && descriptor.strideHeight == scheme.stride && descriptor.strideWidth == scheme.stride
      && descriptor.groups == 1 && descriptor.input.block == isa.lanes
      && descriptor.output.height > 1 && descriptor.output.width > 1 && descriptor.weightFormat == .f32
  }

  /// Channel blocks that a product's tile can have beside enough tiles to be worth it.
  static func mostBlocks(_ isa: VectorISA) -> Int { isa.level == .avx512 ? 4 : 2 }

  private enum Cost {
    /// Tiles of an image up to which products take 2 channel blocks at a time.
    static let fewTiles = 28
    /// Transformed weights, in sizes of L2, that several threads had better each read whole than read activations
    /// that another has written (measured at 128@28: 0.16 ms against 0.28 on two threads).
    static let largestRereadPerL2 = 3.0
    /// Chunks of a layer whose weights each of them reads from beyond L2.
    static let farChunks = 4
  }

  /// Chunks of whole tile rows while a chunk's tensors fit L2 and the weights do too; else shared.
  static func choose(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, _ scheme: WinogradScheme, l2ByteCount: Int
  ) -> WinogradTiling {
    let output = descriptor.output
    let largestBlocks = mostBlocks(isa)
    let side = scheme.outputSide
    let (rows, columns) = ((output.height + side - 1) / side, (output.width + side - 1) / side)
    // A product of few tiles passes over its weights 3 times with 4 blocks and twice with 2; measured within a whole
    // pass, where weights come from memory: 0.41 against 0.46 ms for 256@14, 0.69 against 0.76 for 512@7.
    let isNarrow = rows * columns <= Cost.fewTiles
    let blocks = min(isNarrow ? 2 : largestBlocks, output.blockCount)
    let rowByteCount =
      scheme.components * columns * (descriptor.input.blockCount + blocks) * isa.byteCount
    let weightByteCount =
      scheme.weightComponents * descriptor.input.blockCount * isa.lanes * output.blockCount * isa.byteCount
    let groups = (output.blockCount + blocks - 1) / blocks
    // Weights that L2 holds are read again for each chunk at no cost, and somewhat larger ones at little; the
    // largest should come from memory once, to the one thread that takes their group.
    let isReplicated = Double(weightByteCount) > Cost.largestRereadPerL2 * Double(l2ByteCount) && groups > 1
    let fitting = Int(ConvolutionAlgorithm.Cost.chunkShareOfL2 * Double(l2ByteCount)) / rowByteCount
    // Enough chunks that threads share them evenly, fewer where each reads weights from beyond L2.
    let even =
      weightByteCount > l2ByteCount ? (rows + Cost.farChunks - 1) / Cost.farChunks : max(1, rows / 8)
    return WinogradTiling(
      scheme: scheme, blocks: blocks, rowsPerChunk: max(1, min(fitting, even)), isReplicated: isReplicated)
  }

  /// Estimated cycles of all tiles.
  static func cycles(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, _ tiling: WinogradTiling
  ) -> Double {
    let output = descriptor.output
    let side = tiling.scheme.outputSide
    let (rows, columns) = ((output.height + side - 1) / side, (output.width + side - 1) / side)
    let perChunk = columns * (tiling.isReplicated ? rows : tiling.rowsPerChunk)
    let groups = Double(output.blockCount) / Double(tiling.blocks)
    let largest = productTile(isa, tiles: perChunk, blocks: tiling.blocks)
    var product = 0.0
    for segment in ConvolutionTiling.segments(width: perChunk, largest: largest) {
      product +=
        Double(segment.count)
        * ConvolutionTiling.tileCycles(
          isa, pixels: segment.columns, blocks: tiling.blocks,
          weightRows: descriptor.input.blockCount * isa.lanes)
    }
    let chunks = Double(rows * columns) / Double(perChunk)
    let blocks = Double(descriptor.input.blockCount + output.blockCount) / 2
    let transforms = (ConvolutionAlgorithm.Cost.transformCycles[tiling.scheme] ?? 0) * blocks
    return product * chunks * groups * Double(tiling.scheme.components) + transforms * Double(rows * columns)
  }

  /// Tiles of a product that share a register tile: what divides best.
  static func productTile(_ isa: VectorISA, tiles: Int, blocks: Int) -> Int {
    let largest = StripKernel.largestTile(isa, blocks: blocks)
    func cycles(_ columns: Int) -> Double {
      ConvolutionTiling.segments(width: tiles, largest: columns).reduce(0) {
        $0 + Double($1.count)
          * ConvolutionTiling.tileCycles(isa, pixels: $1.columns, blocks: blocks, weightRows: 256)
      }
    }
    return (1...largest).min { cycles($0) < cycles($1) } ?? 1
  }
}
