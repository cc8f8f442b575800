/// Copies pictures `[N, C, H, W]` into a layout, border and unused lanes zeroed; an item is a row of an image.
struct LoadInput: BitwiseCopyable {
  var source, target: Int
  var layout: Strides

  static func step(source: Int, target: Int, layout: TensorLayout) -> KernelStep {
    KernelStep(
      kernel: "load", function: function,
      copying: LoadInput(source: source, target: target, layout: Strides(layout)),
      footprint: .load(layout, from: source, to: target), items: layout.height)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: LoadInput.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.row(context, item / step.layout.height, item % step.layout.height)
    }
  }

  private func row(_ context: RunContext, _ image: Int, _ y: Int) {
    let area = layout.height &* layout.width
    let source = context.floats(self.source) + (image &* layout.channels &* area &+ y &* layout.width)
    let target = context.floats(self.target) + image &* layout.image
    for block in 0..<layout.blockCount {
      let plane = target + block &* layout.plane
      if y == 0 { layout.zeroBorder(plane) }
      let row = plane + (layout.origin &+ y &* layout.row)
      if layout.block == 3, layout.channels == 3 {
        Self.interleave(source, source + area, source + 2 &* area, to: row, count: layout.width)
        continue
      }
      for lane in 0..<layout.block {
        let channel = block &* layout.block &+ lane
        var index = lane
        if channel < layout.channels {
          let line = source + channel &* area
          for x in 0..<layout.width {
            row[index] = line[x]
            index &+= layout.block
          }
        } else {
          for _ in 0..<layout.width {
            row[index] = 0
            index &+= layout.block
          }
        }
      }
    }
    if y == 0 {
      let used = layout.blockCount &* layout.plane
      Strides.zero(target + used, layout.image &- used)
    }
  }
}

extension LoadInput {
  /// `a[0], b[0], c[0], a[1], ...`, four pixels at a time.
  @inline(__always)
  private static func interleave(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    // The caller's memory, and rows of any width in it, are aligned to nothing but floats.
    func pixels(_ row: UnsafePointer<Float>) -> Lanes { UnsafeRawPointer(row).loadUnaligned(as: Lanes.self) }
    var x = 0
    while x &+ 4 <= count {
      let (p, q, r) = (pixels(a + x), pixels(b + x), pixels(c + x))
      target.store(Lanes(p[0], q[0], r[0], p[1]), at: 3 &* x)
      target.store(Lanes(q[1], r[1], p[2], q[2]), at: 3 &* x &+ 4)
      target.store(Lanes(r[2], p[3], q[3], r[3]), at: 3 &* x &+ 8)
      x &+= 4
    }
    while x < count {
      let pixel = target + 3 &* x
      (pixel[0], pixel[1], pixel[2]) = (a[x], b[x], c[x])
      x &+= 1
    }
  }
}

/// Copies a value out of its layout to `[N, C, H, W]`; an item is a channel of an image.
struct StoreOutput: BitwiseCopyable {
  var source, target: Int
  var layout: Strides

  static func step(source: Int, target: Int, layout: TensorLayout) -> KernelStep {
    KernelStep(
      kernel: "store", function: function,
      copying: StoreOutput(source: source, target: target, layout: Strides(layout)),
      footprint: .store(layout, from: source, to: target), items: layout.channels)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: StoreOutput.self)
    let context = RunContext.at(context)
    let layout = step.layout
    let area = layout.height &* layout.width
    for item in begin..<end {
      let (image, channel) = (item / layout.channels, item % layout.channels)
      let plane = context.floats(step.source) + (image &* layout.image &+ layout.origin)
      let first = plane + (channel / layout.block &* layout.plane &+ channel % layout.block)
      let target = context.floats(step.target) + item &* area
      for y in 0..<layout.height {
        for x in 0..<layout.width {
          target[y &* layout.width &+ x] = first[y &* layout.row &+ x &* layout.block]
        }
      }
    }
  }
}

/// Copies channels, rows and columns: strided slice, channel padding and flattening in one.
///
/// Output (c, y, x) is input (c - before, y * strideY, x * strideX), or 0 where there is no such channel. When
/// flattening, output channel c is the input's element c in row-major order.
struct Gather: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  var before: Int
  var strideY, strideX: Int
  var flattens: Bool

  static func step(
    source: Int, target: Int, input: TensorLayout, output: TensorLayout, before: Int = 0, strideY: Int = 1,
    strideX: Int = 1, flattens: Bool = false
  ) -> KernelStep {
    let arguments = Gather(
      source: source, target: target, input: Strides(input), output: Strides(output), before: before,
      strideY: strideY, strideX: strideX, flattens: flattens)
    return KernelStep(
      kernel: flattens ? "flatten" : "gather", function: function, copying: arguments,
      footprint: .map(source, input, to: target, output), items: output.blockCount)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: Gather.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.block(context, item / step.output.blockCount, item % step.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let source = context.floats(self.source) + (image &* input.image &+ input.origin)
    let plane = context.floats(self.target) + (image &* output.image &+ block &* output.plane)
    output.zeroBorder(plane)
    let target = plane + output.origin
    for lane in 0..<output.block {
      let channel = block &* output.block &+ lane
      if flattens {
        let area = input.height &* input.width
        let (c, rest) = (channel / area, channel % area)
        target[lane] =
          channel < output.channels ? source[offset(c, rest / input.width, rest % input.width)] : 0
        continue
      }
      let from = channel &- before
      let exists = from >= 0 && from < input.channels
      for y in 0..<output.height {
        for x in 0..<output.width {
          target[y &* output.row &+ x &* output.block &+ lane] =
            exists ? source[offset(from, y &* strideY, x &* strideX)] : 0
        }
      }
    }
  }

  @inline(__always)
  private func offset(_ channel: Int, _ y: Int, _ x: Int) -> Int {
    channel / input.block &* input.plane &+ channel % input.block &+ y &* input.row &+ x &* input.block
  }
}
