import FixresRuntime

/// A tensor in a layout with guard words on both sides.
struct GuardedTensor {
  private static let guardCount = 256
  private static let guardWord: UInt32 = 0x7FA5_C3E1
  let layout: TensorLayout?
  let batch: Int
  let count: Int
  private let block: AlignedBlock

  init(_ layout: TensorLayout, batch: Int) {
    self.init(layout: layout, batch: batch, count: layout.imageStride * batch)
  }

  init(byteCount: Int) {
    self.init(layout: nil, batch: 1, count: byteCount / 4)
  }

  private init(layout: TensorLayout?, batch: Int, count: Int) {
    (self.layout, self.batch, self.count) = (layout, batch, count)
    block = AlignedBlock(floatCount: count + 2 * Self.guardCount)
    for index in 0..<(count + 2 * Self.guardCount) { block.floats[index] = Float(bitPattern: Self.guardWord) }
  }

  var floats: UnsafeMutablePointer<Float> { block.floats + Self.guardCount }

  var guardsAreIntact: Bool {
    (0..<Self.guardCount).allSatisfy {
      block.floats[$0].bitPattern == Self.guardWord
        && block.floats[Self.guardCount + count + $0].bitPattern == Self.guardWord
    }
  }

  /// Index of a value; channels beyond the layout's own fill the last block.
  private func index(_ n: Int, _ c: Int, y: Int, x: Int) -> Int {
    guard let layout else { return 0 }
    return n * layout.imageStride + layout.origin + c / layout.block * layout.planeStride + y
      * layout.rowStride
      + x * layout.block + c % layout.block
  }

  /// `[N, C, H, W]` values; unused lanes and the border get `border`, unused lanes a finite number.
  func fill(_ values: [Float], border: Float) {
    guard let layout else { return }
    for index in 0..<count { floats[index] = border }
    for n in 0..<batch {
      for c in 0..<(layout.blockCount * layout.block) {
        for y in 0..<layout.height {
          for x in 0..<layout.width {
            let source = ((n * layout.channels + c) * layout.height + y) * layout.width + x
            floats[index(n, c, y: y, x: x)] = c < layout.channels && !values.isEmpty ? values[source] : 3
          }
        }
      }
    }
  }

  /// `[N, C, H, W]`
  func values() -> [Float] {
    guard let layout else { return [] }
    var values: [Float] = []
    for n in 0..<batch {
      for c in 0..<layout.channels {
        for y in 0..<layout.height {
          for x in 0..<layout.width { values.append(floats[index(n, c, y: y, x: x)]) }
        }
      }
    }
    return values
  }

  var borderIsZero: Bool {
    guard let layout else { return true }
    for n in 0..<batch {
      for b in 0..<layout.blockCount {
        for y in -layout.border.top..<(layout.height + layout.border.bottom) {
          for x in -layout.border.left..<(layout.width + layout.border.right) {
            let inside = (0..<layout.height).contains(y) && (0..<layout.width).contains(x)
            if inside { continue }
            for lane in 0..<layout.block where floats[index(n, b * layout.block + lane, y: y, x: x)] != 0 {
              return false
            }
          }
        }
      }
    }
    return true
  }
}

/// Runs a step as a session does, a few items a call.
enum StepRunner {
  static func run(_ step: KernelStep, _ tensors: [GuardedTensor], batch: Int, itemsPerCall: Int) {
    let pointers = tensors.map { UnsafeMutableRawPointer($0.floats) }
    let threads = 2
    let scratchByteCount = step.scratchByteCount
    let scratch = AlignedBlock(byteCount: scratchByteCount * threads)
    pointers.withUnsafeBufferPointer { pointers in
      let context = RunContext(
        buffers: pointers.baseAddress!, batch: batch, scratch: scratch.base,
        scratchByteCount: scratchByteCount)
      withUnsafePointer(to: context) { context in
        let total = step.itemsCoverBatch ? step.items : step.items * batch
        // Backwards: no item may depend on another.
        for begin in stride(from: 0, to: total, by: itemsPerCall).reversed() {
          step.function(
            step.arguments, context, begin, min(begin + itemsPerCall, total), begin / itemsPerCall % threads)
        }
      }
    }
  }
}
