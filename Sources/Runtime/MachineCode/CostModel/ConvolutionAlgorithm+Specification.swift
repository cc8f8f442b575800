extension ConvolutionAlgorithm {
  /// The choice as a model file holds it: `direct 1x6x4 pixels` (rows x columns x blocks of a tile, then what lies
  /// outside: `pixels`, `groups`, or `rows8`, eight chunks of rows), `winograd4 3x4 chunked` (tile rows of a chunk x
  /// blocks) or `winograd4 2 replicated` (blocks), and so on for the other schemes.
  package var specification: String {
    switch self {
    case .direct(let tiling):
      let order =
        tiling.groupsOutside ? "groups" : tiling.rowChunks > 0 ? "rows\(tiling.rowChunks)" : "pixels"
      return "direct \(tiling.rows)x\(tiling.segments[0].columns)x\(tiling.blocks) \(order)"
    case .winograd(let tiling):
      let tile = tiling.isReplicated ? "\(tiling.blocks)" : "\(tiling.rowsPerChunk)x\(tiling.blocks)"
      return "\(tiling.scheme.rawValue) \(tile) \(tiling.isReplicated ? "replicated" : "chunked")"
    }
  }

  /// Reads a specification for a layer of `output`; nil for what is none. Whether it may be used is another question.
  init?(specification: String, output: TensorLayout) {
    let words = specification.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, let sides = Self.sides(words[1]) else { return nil }
    switch (words[0], sides.count) {
    case ("direct", 3):
      guard (1...output.width).contains(sides[1]) else { return nil }
      var tiling = ConvolutionTiling(
        blocks: sides[2], rows: sides[0],
        segments: ConvolutionTiling.segments(width: output.width, largest: sides[1]), groupsOutside: false)
      switch words[2] {
      case "groups": tiling.groupsOutside = true
      case "pixels": break
      case let order where order.hasPrefix("rows"):
        guard let chunks = Self.integer(order.dropFirst(4)) else { return nil }
        tiling.rowChunks = chunks
      default: return nil
      }
      self = .direct(tiling)
    case (let name, 1...2):
      guard let scheme = WinogradScheme(rawValue: String(name)),
        words[2] == (sides.count == 1 ? "replicated" : "chunked")
      else { return nil }
      let tileRows = (output.height + scheme.outputSide - 1) / scheme.outputSide
      self = .winograd(
        WinogradTiling(
          scheme: scheme, blocks: sides[sides.count - 1],
          rowsPerChunk: sides.count == 1 ? tileRows : sides[0],
          isReplicated: sides.count == 1))
    default: return nil
    }
  }

  /// Positive integers with an `x` between them.
  private static func sides(_ text: Substring) -> [Int]? {
    let parts = text.split(separator: "x", omittingEmptySubsequences: false).map(integer)
    return parts.contains { $0 == nil } ? nil : parts.compactMap(\.self)
  }

  /// A positive integer of at most five digits, no sign.
  private static func integer(_ text: Substring) -> Int? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let value = Int(text), value > 0
    else { return nil }
    return value
  }
}
