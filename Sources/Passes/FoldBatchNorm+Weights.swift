import FixresBase
import FixresIR
import Synchronization

extension FoldBatchNorm {
  typealias Folded = (weight: Tensor, bias: Tensor)

  /// The folded constants, in one block of memory, computed on several threads.
  static func fold(_ folds: [Fold]) throws(PassError) -> [Folded] {
    guard !folds.isEmpty else { return [] }
    var offsets: [(weight: Int, bias: Int)] = []
    var byteCount = 0
    func reserve(_ elementCount: Int) -> Int {
      defer { byteCount += (elementCount * 4 + 63) / 64 * 64 }
      return byteCount
    }
    for fold in folds { offsets.append((reserve(fold.weight.elementCount), reserve(fold.map.scale.count))) }
    guard let block = PageBlock(byteCount: byteCount) else { throw .outOfMemory(byteCount: byteCount) }
    let pieces = zip(folds, offsets).flatMap { fold, offset in
      Piece.pieces(of: fold, target: block.base + offset.weight)
    }
    let sawNonFinite = Atomic(false)
    Concurrently.perform(pieces.count) { index in
      if !pieces[index].scale() { sawNonFinite.store(true, ordering: .relaxed) }
    }
    for (fold, offset) in zip(folds, offsets) { foldBias(fold, target: block.base + offset.bias) }
    let storage = block.intoBytes()
    let results = try zip(folds, offsets).map { fold, offset throws(PassError) in
      Folded(
        weight: try tensor(storage, offset.weight, fold.weight.shape),
        bias: try tensor(storage, offset.bias, [fold.map.scale.count]))
    }
    for (fold, result) in zip(folds, results) {
      if sawNonFinite.load(ordering: .relaxed) {
        try checkFinite(result.weight, of: fold.weightName, source: fold.weight, fold)
      }
      try checkFinite(result.bias, of: fold.biasName, source: fold.bias, fold)
    }
    return results
  }

  private static func tensor(_ storage: Bytes, _ offset: Int, _ shape: [Int]) throws(PassError) -> Tensor {
    guard let bytes = try? storage.slice(offset, shape.reduce(4, *)) else {
      preconditionFailure("a folded constant lies inside the block allocated for it")
    }
    return Tensor(shape: shape, bytes: bytes)
  }

  private static func foldBias(_ fold: Fold, target: UnsafeMutableRawPointer) {
    let count = fold.map.scale.count
    let floats = target.bindMemory(to: Float.self, capacity: count)
    let bias = fold.bias?.floats ?? [Float](repeating: 0, count: count)
    for channel in 0..<count {
      floats[channel] = Float(Double(bias[channel]) * fold.map.scale[channel] + fold.map.shift[channel])
    }
  }

  private static func checkFinite(
    _ result: Tensor, of name: String, source: Tensor?, _ fold: Fold
  ) throws(PassError) {
    let count = result.nonFiniteCount
    guard count > 0 else { return }
    throw .foldedToNonFinite(
      tensor: name, layer: fold.layer, count: count, sourceIsFinite: (source?.nonFiniteCount ?? 0) == 0)
  }
}

extension Tensor {
  /// Number of elements that are infinite or not a number.
  package var nonFiniteCount: Int {
    withFloats { elements in
      var count = 0
      for element in elements where !element.isFinite { count += 1 }
      return count
    }
  }
}

/// Consecutive output channels of a convolution's weights, scaled by one thread.
private struct Piece: @unchecked Sendable {
  // Sendable because pieces write disjoint parts of the block, and `fold` holds the sources while they run.
  let source: UnsafePointer<Float>
  let target: UnsafeMutablePointer<Float>
  /// Weights of one output channel.
  let rowLength: Int
  let scales: ArraySlice<Double>

  /// Weights of a piece: few enough that threads finish together, enough that fetching a piece is negligible.
  static let elementCount = 1 << 16

  static func pieces(of fold: FoldBatchNorm.Fold, target: UnsafeMutableRawPointer) -> [Piece] {
    let count = fold.weight.elementCount
    let channels = fold.map.scale.count
    let rowLength = count / max(channels, 1)
    let source = fold.weight.bytes.unsafeBase.assumingMemoryBound(to: Float.self)
    let floats = target.bindMemory(to: Float.self, capacity: count)
    let step = max(1, elementCount / max(rowLength, 1))
    return stride(from: 0, to: channels, by: step).map { first in
      Piece(
        source: source + first * rowLength, target: floats + first * rowLength, rowLength: rowLength,
        scales: fold.map.scale[first..<min(first + step, channels)])
    }
  }

  /// Writes the scaled weights; false where one of them is not finite.
  func scale() -> Bool {
    var seen: UInt32 = 0
    var source = source
    var target = target
    for scale in scales {
      for index in 0..<rowLength {
        let scaled = Float(Double(source[index]) * scale)
        target[index] = scaled
        // An exponent of all ones carries into the sign bit; a maximum would not vectorise in SSE2.
        seen |= (scaled.bitPattern & 0x7FFF_FFFF) &+ 0x0080_0000
      }
      source += rowLength
      target += rowLength
    }
    return seen >> 31 == 0
  }
}
