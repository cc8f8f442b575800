/// A step whose items are the channel blocks of each image.
private protocol BlockwiseStep: BitwiseCopyable {
  var source: Int { get }
  var target: Int { get }
  var input: Strides { get }
  var output: Strides { get }

  /// One block: `source` is its first pixel, `plane` the block with its border.
  func block(_ source: UnsafeMutablePointer<Float>, _ plane: UnsafeMutablePointer<Float>)
}

extension BlockwiseStep {
  static func run(
    _ arguments: UnsafeRawPointer, _ context: UnsafeRawPointer, from begin: Int, to end: Int
  ) {
    let step = arguments.load(as: Self.self)
    let context = RunContext.at(context)
    let (input, output) = (step.input, step.output)
    for item in begin..<end {
      let (image, block) = (item / output.blockCount, item % output.blockCount)
      let source =
        context.floats(step.source) + (image &* input.image &+ block &* input.plane &+ input.origin)
      let plane = context.floats(step.target) + (image &* output.image &+ block &* output.plane)
      step.block(source, plane)
      output.zeroBorder(plane)
    }
  }
}

/// Max and average pooling; an item is a channel block of an image.
struct Pooling: BlockwiseStep {
  var source, target: Int
  var input, output: Strides
  var kernelHeight, kernelWidth: Int
  var strideHeight, strideWidth: Int
  var padTop, padLeft, padBottom, padRight: Int
  var isMaximum, countsPadding: Bool

  static func step(source: Int, target: Int, _ descriptor: PoolingDescriptor) -> KernelStep {
    let arguments = Pooling(
      source: source, target: target, input: Strides(descriptor.input), output: Strides(descriptor.output),
      kernelHeight: descriptor.kernelHeight, kernelWidth: descriptor.kernelWidth,
      strideHeight: descriptor.strideHeight, strideWidth: descriptor.strideWidth,
      padTop: descriptor.padding.top, padLeft: descriptor.padding.left,
      padBottom: descriptor.padding.bottom, padRight: descriptor.padding.right,
      isMaximum: descriptor.isMaximum, countsPadding: descriptor.countsPadding)
    return KernelStep(
      kernel: descriptor.isMaximum ? "max-pool" : "average-pool", function: function, copying: arguments,
      footprint: .map(source, descriptor.input, to: target, descriptor.output),
      items: descriptor.output.blockCount)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    Pooling.run(arguments, context, from: begin, to: end)
  }

  fileprivate func block(_ source: UnsafeMutablePointer<Float>, _ plane: UnsafeMutablePointer<Float>) {
    let target = plane + output.origin
    for oy in 0..<output.height {
      let top = oy &* strideHeight &- padTop
      let (y0, y1) = (max(top, 0), min(top &+ kernelHeight, input.height))
      for ox in 0..<output.width {
        let left = ox &* strideWidth &- padLeft
        let (x0, x1) = (max(left, 0), min(left &+ kernelWidth, input.width))
        let pixel = target + (oy &* output.row &+ ox &* output.block)
        let window = UnsafePointer(source + (y0 &* input.row &+ x0 &* input.block))
        if isMaximum {
          maximum(window, height: y1 &- y0, width: x1 &- x0, to: pixel)
        } else {
          let height = min(top &+ kernelHeight, input.height &+ padBottom) &- top
          let width = min(left &+ kernelWidth, input.width &+ padRight) &- left
          let count = countsPadding ? height &* width : (y1 &- y0) &* (x1 &- x0)
          average(window, height: y1 &- y0, width: x1 &- x0, count: Float(count), to: pixel)
        }
      }
    }
  }

  @inline(__always)
  private func maximum(
    _ window: UnsafePointer<Float>, height: Int, width: Int, to pixel: UnsafeMutablePointer<Float>
  ) {
    var lane = 0
    while lane < output.block {
      var best = Lanes(repeating: -.infinity)
      var row = window + lane
      for _ in 0..<height {
        for x in 0..<width { best = best.maximum(row.lanes(x &* input.block)) }
        row += input.row
      }
      pixel.store(best, at: lane)
      lane &+= 4
    }
  }

  @inline(__always)
  private func average(
    _ window: UnsafePointer<Float>, height: Int, width: Int, count: Float,
    to pixel: UnsafeMutablePointer<Float>
  ) {
    var lane = 0
    while lane < output.block {
      var sum = Lanes(repeating: 0)
      var row = window + lane
      for _ in 0..<height {
        for x in 0..<width { sum += row.lanes(x &* input.block) }
        row += input.row
      }
      pixel.store(sum / Lanes(repeating: count), at: lane)
      lane &+= 4
    }
  }
}

/// The mean or the maximum of each channel's map; an item is a channel block of an image.
struct GlobalPooling: BlockwiseStep {
  var source, target: Int
  var input, output: Strides
  var isMaximum: Bool

  static func step(
    source: Int, target: Int, input: TensorLayout, output: TensorLayout, isMaximum: Bool
  ) -> KernelStep {
    let arguments = GlobalPooling(
      source: source, target: target, input: Strides(input), output: Strides(output), isMaximum: isMaximum)
    return KernelStep(
      kernel: isMaximum ? "global-max" : "global-average", function: function, copying: arguments,
      footprint: .map(source, input, to: target, output), items: output.blockCount)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    GlobalPooling.run(arguments, context, from: begin, to: end)
  }

  fileprivate func block(_ source: UnsafeMutablePointer<Float>, _ plane: UnsafeMutablePointer<Float>) {
    let target = plane + output.origin
    let area = Lanes(repeating: Float(input.height &* input.width))
    var lane = 0
    while lane < output.block {
      var total = Lanes(repeating: isMaximum ? -.infinity : 0)
      var row = UnsafePointer(source) + lane
      for _ in 0..<input.height {
        // Row by row, so that the error of a large map's sum stays that of its rows.
        var sum = Lanes(repeating: 0)
        for x in 0..<input.width {
          let value = row.lanes(x &* input.block)
          if isMaximum { total = total.maximum(value) } else { sum += value }
        }
        if !isMaximum { total += sum }
        row += input.row
      }
      target.store(isMaximum ? total : total / area, at: lane)
      lane &+= 4
    }
  }
}
