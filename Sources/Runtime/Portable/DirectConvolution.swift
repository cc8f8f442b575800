/// Direct convolution on the channel-blocked layout, any kernel, stride, dilation, padding and groups.
///
/// A tile is 2 pixels x 16 output channels: 8 accumulators, 2 broadcast inputs, 4 weights and 2 products fill
/// SSE2's 16 registers (measured on one core: 2x16 46 GFLOP/s, 6x8 45, 3x16 31 for its spills).
struct DirectConvolution: BitwiseCopyable {
  /// A tile's output channels, and the inputs that reach them.
  struct Group: BitwiseCopyable {
    /// Floats from an image's first tap to the first input block of the group.
    var input: Int
    /// Input blocks that some channel of the group reads.
    var inputBlocks: Int
    /// Floats into the packed weights and biases.
    var weights, bias: Int
    /// Floats from an image's origin to the group's channels 0-7 and 8-15.
    var output0, output1, residual0, residual1: Int
    /// Blocks of the output whose border this group zeroes.
    var borderBegin, borderEnd: Int
    /// False where channels 8-15 lie beyond the layout.
    var hasUpperHalf: Bool
  }

  var inputBuffer, outputBuffer, residualBuffer: Int
  var input, output, residual: Strides
  var hasResidual, hasReLU: Bool
  /// Floats that taps side by side span: a kernel row, or one tap of a dilated kernel; and how many such runs it has.
  var run, runCount: Int
  /// Floats from the first tap to each run.
  var runs: UnsafePointer<Int>
  /// Input blocks whose products are a part of the sum, added up apart.
  var blocksPerPart: Int
  /// Floats between the first taps of horizontally and vertically adjacent outputs.
  var stepX, stepY: Int
  var groups: UnsafePointer<Group>
  var groupCount: Int
  /// Output rows of one item, and items of one group.
  var itemRows, itemsPerGroup: Int
  var weights, bias: UnsafePointer<Float>

  static let function: StepFunction = { arguments, context, begin, end, _ in
    arguments.load(as: DirectConvolution.self).run(RunContext.at(context), begin, end)
  }

  func run(_ context: RunContext, _ begin: Int, _ end: Int) {
    let perImage = groupCount &* itemsPerGroup
    for item in begin..<end {
      let image = item / perImage
      let rest = item % perImage
      let group = (groups + rest / itemsPerGroup).pointee
      let firstRow = (rest % itemsPerGroup) &* itemRows
      let outputImage = context.floats(outputBuffer) + image &* output.image
      if firstRow == 0 {
        for block in group.borderBegin..<group.borderEnd {
          output.zeroBorder(outputImage + block &* output.plane)
        }
      }
      let inputImage = UnsafePointer(context.floats(inputBuffer)) + (image &* input.image &+ group.input)
      let residualImage =
        hasResidual
        ? UnsafePointer(context.floats(residualBuffer)) + (image &* residual.image &+ residual.origin)
        : inputImage
      rows(
        group, inputImage, outputImage + output.origin, residual: residualImage, from: firstRow,
        to: min(firstRow &+ itemRows, output.height))
    }
  }

  /// Rows `first ..< last` of one group of one image, two pixels at a time; a tile may cross rows.
  @inline(__always)
  private func rows(
    _ group: Group, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    residual: UnsafePointer<Float>, from first: Int, to last: Int
  ) {
    let width = self.output.width
    var remaining = (last &- first) &* width
    var (x, y) = (0, first)
    while remaining > 0 {
      let (xa, ya) = (x, y)
      x &+= 1
      if x == width { (x, y) = (0, y &+ 1) }
      let isPair = remaining > 1
      let (xb, yb) = isPair ? (x, y) : (xa, ya)
      if isPair {
        x &+= 1
        if x == width { (x, y) = (0, y &+ 1) }
      }
      remaining &-= 2
      let sums = accumulate(
        group, input + (ya &* stepY &+ xa &* stepX), input + (yb &* stepY &+ xb &* stepX))
      let bias = self.bias + group.bias
      let outA = output + (ya &* self.output.row &+ xa &* self.output.block)
      let resA = residual + (ya &* self.residual.row &+ xa &* self.residual.block)
      finish(
        sums.a0, sums.a1, bias: bias, output: outA + group.output0, residual: resA + group.residual0)
      if group.hasUpperHalf {
        finish(
          sums.a2, sums.a3, bias: bias + 8, output: outA + group.output1, residual: resA + group.residual1)
      }
      guard isPair else { break }
      let outB = output + (yb &* self.output.row &+ xb &* self.output.block)
      let resB = residual + (yb &* self.residual.row &+ xb &* self.residual.block)
      finish(
        sums.b0, sums.b1, bias: bias, output: outB + group.output0, residual: resB + group.residual0)
      if group.hasUpperHalf {
        finish(
          sums.b2, sums.b3, bias: bias + 8, output: outB + group.output1, residual: resB + group.residual1)
      }
    }
  }

  /// Bias, residual and ReLU on 8 channels of one pixel.
  @inline(__always)
  private func finish(
    _ low: Lanes, _ high: Lanes, bias: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    residual: UnsafePointer<Float>
  ) {
    var (low, high) = (low + bias.lanes(0), high + bias.lanes(4))
    if hasResidual {
      low += residual.lanes(0)
      high += residual.lanes(4)
    }
    if hasReLU {
      low = low.rectified
      high = high.rectified
    }
    output.store(low, at: 0)
    output.store(high, at: 4)
  }

  private typealias Tile = (
    a0: Lanes, a1: Lanes, a2: Lanes, a3: Lanes, b0: Lanes, b1: Lanes, b2: Lanes, b3: Lanes
  )

  /// Sums of 16 channels of two pixels, `pa` and `pb` being their first taps.
  @inline(__always)
  private func accumulate(_ group: Group, _ pa: UnsafePointer<Float>, _ pb: UnsafePointer<Float>) -> Tile {
    let zero = Lanes(repeating: 0)
    var total: Tile = (zero, zero, zero, zero, zero, zero, zero, zero)
    var weights = self.weights + group.weights
    var (blockA, blockB) = (pa, pb)
    var block = group.inputBlocks
    repeat {
      let count = min(block, blocksPerPart)
      let part = accumulate(count, &weights, from: blockA, and: blockB)
      total = (
        total.a0 + part.a0, total.a1 + part.a1, total.a2 + part.a2, total.a3 + part.a3, total.b0 + part.b0,
        total.b1 + part.b1, total.b2 + part.b2, total.b3 + part.b3
      )
      blockA += count &* input.plane
      blockB += count &* input.plane
      block &-= count
    } while block != 0
    return total
  }

  /// The same for `count` input blocks from `pa` and `pb`; `weights` moves on.
  @inline(__always)
  private func accumulate(
    _ count: Int, _ weights: inout UnsafePointer<Float>, from pa: UnsafePointer<Float>,
    and pb: UnsafePointer<Float>
  ) -> Tile {
    let zero = Lanes(repeating: 0)
    var (a0, a1, a2, a3) = (zero, zero, zero, zero)
    var (b0, b1, b2, b3) = (zero, zero, zero, zero)
    var (blockA, blockB) = (pa, pb)
    var block = count
    repeat {
      var index = 0
      repeat {
        let (rowA, rowB) = (blockA + runs[index], blockB + runs[index])
        var k = 0
        repeat {
          // Weight by weight in this order: the register allocator then spills nothing.
          let sa = Lanes(repeating: rowA[k])
          let sb = Lanes(repeating: rowB[k])
          let w0 = weights.lanes(0)
          a0 = a0.adding(sa, times: w0)
          b0 = b0.adding(sb, times: w0)
          let w1 = weights.lanes(4)
          a1 = a1.adding(sa, times: w1)
          b1 = b1.adding(sb, times: w1)
          let w2 = weights.lanes(8)
          a2 = a2.adding(sa, times: w2)
          b2 = b2.adding(sb, times: w2)
          let w3 = weights.lanes(12)
          a3 = a3.adding(sa, times: w3)
          b3 = b3.adding(sb, times: w3)
          weights += 16
          k &+= 1
        } while k != run
        index &+= 1
      } while index != runCount
      blockA += input.plane
      blockB += input.plane
      block &-= 1
    } while block != 0
    return (a0, a1, a2, a3, b0, b1, b2, b3)
  }
}
