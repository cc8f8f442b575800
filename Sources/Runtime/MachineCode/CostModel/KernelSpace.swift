import FixresAssembler

/// The ways to compute one convolution that give the bits of `basis`, the cost model's choice.
///
/// They differ in tiles, loop order and what threads share out. The algorithm stays, and so does the order of every
/// sum: tuned or not, on whatever machine, a model gives the same results.
struct KernelSpace {
  let descriptor: ConvolutionDescriptor
  let isa: VectorISA
  let l2ByteCount: Int
  let basis: ConvolutionAlgorithm

  init(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, l2ByteCount: Int, basis: ConvolutionAlgorithm
  ) {
    (self.descriptor, self.isa) = (descriptor, isa)
    (self.l2ByteCount, self.basis) = (l2ByteCount, basis)
  }

  private enum Limit {
    /// Channel blocks of a tile.
    static let blocks = 4
    /// Parts of a map's rows.
    static let rowChunks = 64
    /// Tiles measured, and how much slower than the best they may be by the cost model.
    static let tiles = 8
    static let slower = 1.35
  }

  private var output: TensorLayout { descriptor.output }

  /// The algorithm that `text` specifies, if it is one of this space: what a file says is never run unasked.
  func algorithm(specified text: String) -> ConvolutionAlgorithm? {
    guard let algorithm = ConvolutionAlgorithm(specification: text, output: output), contains(algorithm),
      algorithm.specification == text
    else { return nil }
    return algorithm
  }

  func contains(_ algorithm: ConvolutionAlgorithm) -> Bool {
    switch (algorithm, basis) {
    case (.direct(let tiling), .direct(let basis)): contains(tiling, basis)
    case (.winograd(let tiling), .winograd(let basis)):
      tiling.scheme == basis.scheme && WinogradTiling.applies(tiling.scheme, to: descriptor, isa)
        && (1...min(Limit.blocks, output.blockCount)).contains(tiling.blocks)
        && tiling.blocks <= WinogradTiling.mostBlocks(isa)
        && (1...tileRows(tiling)).contains(tiling.rowsPerChunk)
    default: false
    }
  }

  private func contains(_ tiling: ConvolutionTiling, _ basis: ConvolutionTiling) -> Bool {
    guard (1...min(Limit.blocks, output.blockCount)).contains(tiling.blocks),
      let widest = tiling.segments.first,
      tiling.segments == ConvolutionTiling.segments(width: output.width, largest: widest.columns),
      (1...output.height).contains(tiling.rows)
    else { return false }
    // A tile of several rows is as wide as the map.
    let isWhole = tiling.segments.count == 1 && widest.count == 1
    let bands = (output.height + tiling.rows - 1) / tiling.rows
    return (tiling.rows == 1 || isWhole)
      && tiling.rows * widest.columns <= StripKernel.largestTile(isa, blocks: tiling.blocks)
      && (tiling.rowChunks == 0
        || !tiling.groupsOutside && (2...Limit.rowChunks).contains(tiling.rowChunks)
          && tiling.rowChunks <= bands)
      // The window of input blocks that a tile reads, and with it the parts of a sum, depends on its output blocks.
      && (descriptor.groups == 1 || tiling.blocks == basis.blocks)
  }

  private func tileRows(_ tiling: WinogradTiling) -> Int {
    (output.height + tiling.scheme.outputSide - 1) / tiling.scheme.outputSide
  }

  /// `centre` first, then what differs from it in the tile alone, or in the order of loops alone.
  func neighbours(of centre: ConvolutionAlgorithm) -> [ConvolutionAlgorithm] {
    let others: [ConvolutionAlgorithm] =
      switch centre {
      case .direct(let tiling): (tiles(like: tiling) + orders(like: tiling)).map { .direct($0) }
      case .winograd(let tiling): winogradNeighbours(of: tiling).map { .winograd($0) }
      }
    var seen: Set<String> = []
    return ([centre] + others).filter { contains($0) && seen.insert($0.specification).inserted }
  }

  private func tiles(like centre: ConvolutionTiling) -> [ConvolutionTiling] {
    var found: [(cycles: Double, tiling: ConvolutionTiling)] = []
    for blocks in 1...Limit.blocks where blocks <= output.blockCount {
      let largest = StripKernel.largestTile(isa, blocks: blocks)
      for columns in 1...min(largest, output.width) {
        var tiling = centre
        (tiling.blocks, tiling.segments) = (
          blocks, ConvolutionTiling.segments(width: output.width, largest: columns)
        )
        for rows in 1...max(1, min(largest / columns, output.height)) {
          tiling.rows = rows
          guard tiling.segments[0].columns == columns, contains(.direct(tiling)) else { continue }
          found.append((cycles(tiling), tiling))
        }
      }
    }
    found.sort { $0.cycles < $1.cycles }
    let least = found.first?.cycles ?? 0
    return found.prefix { $0.cycles <= least * Limit.slower }.prefix(Limit.tiles).map(\.tiling)
  }

  private func cycles(_ tiling: ConvolutionTiling) -> Double {
    ConvolutionTiling.cycles(
      descriptor, isa, tiling, window: ConvolutionWindow(descriptor, isa, blocks: tiling.blocks),
      l2ByteCount: l2ByteCount)
  }

  private func orders(like centre: ConvolutionTiling) -> [ConvolutionTiling] {
    [(true, 0), (false, 0), (false, 2), (false, 4), (false, 8)].map { groupsOutside, rowChunks in
      var tiling = centre
      (tiling.groupsOutside, tiling.rowChunks) = (groupsOutside, rowChunks)
      return tiling
    }
  }

  private func winogradNeighbours(of centre: WinogradTiling) -> [WinogradTiling] {
    let rows = tileRows(centre)
    var found: [WinogradTiling] = []
    for blocks in 1...Limit.blocks {
      var tiling = centre
      tiling.blocks = blocks
      found.append(tiling)
    }
    for count in [1, 2, 3, 4, 6] + [4, 3, 2, 1].map({ (rows + $0 - 1) / $0 }) {
      var tiling = centre
      (tiling.rowsPerChunk, tiling.isReplicated) = (count, false)
      found.append(tiling)
    }
    var replicated = centre
    (replicated.rowsPerChunk, replicated.isReplicated) = (rows, true)
    return found + [replicated]
  }
}
