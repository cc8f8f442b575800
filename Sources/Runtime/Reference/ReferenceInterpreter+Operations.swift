import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension ReferenceInterpreter {
  static func add(_ a: ReferenceValue, _ b: ReferenceValue) -> ReferenceValue {
    ReferenceValue(dims: a.dims, elements: zip(a.elements, b.elements).map { $0 + $1 })
  }

  static func multiply(_ a: ReferenceValue, _ b: ReferenceValue) -> ReferenceValue {
    ReferenceValue(dims: a.dims, elements: zip(a.elements, b.elements).map { $0 * $1 })
  }

  /// Sums one tap at a time over a whole output map, in double, rounded once.
  static func convolution(_ op: Conv2D, _ operands: [ReferenceValue]) -> ReferenceValue {
    let (x, w) = (operands[0], operands[1])
    let (channels, outputs, perGroup) = (x.dims[1], w.dims[0], w.dims[1])
    let (taps, inputArea) = (w.dims[2] * w.dims[3], x.dims[2] * x.dims[3])
    let (spanY, spanX) = ((w.dims[2] - 1) * op.dilations.height, (w.dims[3] - 1) * op.dilations.width)
    let height = (x.dims[2] + op.padding.top + op.padding.bottom - spanY - 1) / op.strides.height + 1
    let width = (x.dims[3] + op.padding.left + op.padding.right - spanX - 1) / op.strides.width + 1
    let area = height * width
    var result = ReferenceValue(dims: [x.dims[0], outputs, height, width])
    var sums = [Double](repeating: 0, count: area)
    for map in 0..<x.dims[0] * outputs {
      let (n, o) = (map / outputs, map % outputs)
      let start = op.biasIndex.map { Double(operands[$0].elements[o]) } ?? 0
      for index in 0..<area { sums[index] = start }
      for c in 0..<perGroup {
        let plane = n * channels + o / (outputs / op.groups) * perGroup + c
        let image = x.elements[plane * inputArea..<(plane + 1) * inputArea]
        let kernel = w.elements[(o * perGroup + c) * taps..<(o * perGroup + c + 1) * taps]
        addTaps(
          op, kernel, columns: w.dims[3], image, height: x.dims[2], width: x.dims[3], to: &sums,
          size: Extent(height, width))
      }
      for index in 0..<area {
        var sum = sums[index]
        if let residual = op.residualIndex { sum += Double(operands[residual].elements[map * area + index]) }
        let rounded = Float(sum)
        result.elements[map * area + index] = op.activation == .relu && rounded < 0 ? 0 : rounded
      }
    }
    return result
  }

  /// Adds one channel's part of a convolution to `sums`.
  private static func addTaps(
    _ op: Conv2D, _ kernel: ArraySlice<Float>, columns: Int, _ image: ArraySlice<Float>, height: Int,
    width: Int, to sums: inout [Double], size: Extent
  ) {
    kernel.withUnsafeBufferPointer { kernel in
      image.withUnsafeBufferPointer { image in
        sums.withUnsafeMutableBufferPointer { sums in
          for tap in 0..<kernel.count {
            let weight = Double(kernel[tap])
            let (row, column) = (tap / columns * op.dilations.height, tap % columns * op.dilations.width)
            for oy in 0..<size.height {
              let y = oy * op.strides.height + row - op.padding.top
              guard y >= 0, y < height else { continue }
              for ox in 0..<size.width {
                let x = ox * op.strides.width + column - op.padding.left
                guard x >= 0, x < width else { continue }
                sums[oy * size.width + ox] += weight * Double(image[y * width + x])
              }
            }
          }
        }
      }
    }
  }

  static func batchNorm(_ op: BatchNorm, _ operands: [ReferenceValue]) -> ReferenceValue {
    let x = operands[0]
    let (channels, area) = (x.dims[1], x.dims.dropFirst(2).reduce(1, *))
    var result = x
    for index in x.elements.indices {
      let c = index / area % channels
      let deviation = (Double(operands[4].elements[c]) + op.epsilon).squareRoot()
      let normal = (Double(x.elements[index]) - Double(operands[3].elements[c])) / deviation
      result.elements[index] = Float(
        normal * Double(operands[1].elements[c]) + Double(operands[2].elements[c]))
    }
    return result
  }

  static func linear(_ op: Linear, _ operands: [ReferenceValue]) -> ReferenceValue {
    let (x, w) = (operands[0], operands[1])
    let (batch, features, outputs) = (x.dims[0], x.dims[1], w.dims[0])
    var result = ReferenceValue(dims: [batch, outputs])
    for n in 0..<batch {
      for o in 0..<outputs {
        var sum = op.hasBias ? Double(operands[2].elements[o]) : 0
        for f in 0..<features {
          sum += Double(x.elements[n * features + f]) * Double(w.elements[o * features + f])
        }
        result.elements[n * outputs + o] = Float(sum)
      }
    }
    return result
  }

  static func channelMultiply(_ x: ReferenceValue, _ gate: ReferenceValue) -> ReferenceValue {
    let area = x.dims[2] * x.dims[3]
    var result = x
    for index in x.elements.indices { result.elements[index] *= gate.elements[index / area] }
    return result
  }

  static func stridedSlice(_ op: StridedSlice, _ x: ReferenceValue) -> ReferenceValue {
    let (height, width) = (x.dims[2], x.dims[3])
    let outHeight = (height - 1) / op.strides.height + 1
    let outWidth = (width - 1) / op.strides.width + 1
    var result = ReferenceValue(dims: [x.dims[0], x.dims[1], outHeight, outWidth])
    for plane in 0..<x.dims[0] * x.dims[1] {
      for y in 0..<outHeight {
        for column in 0..<outWidth {
          result.elements[(plane * outHeight + y) * outWidth + column] =
            x.elements[(plane * height + y * op.strides.height) * width + column * op.strides.width]
        }
      }
    }
    return result
  }

  static func channelPad(_ op: ChannelPad, _ x: ReferenceValue) -> ReferenceValue {
    let (batch, channels, area) = (x.dims[0], x.dims[1], x.dims[2] * x.dims[3])
    let outChannels = channels + op.before + op.after
    var result = ReferenceValue(dims: [batch, outChannels, x.dims[2], x.dims[3]])
    for n in 0..<batch {
      for index in 0..<channels * area {
        result.elements[(n * outChannels + op.before) * area + index] =
          x.elements[n * channels * area + index]
      }
    }
    return result
  }

  /// Images or rows, the first operand's channels first.
  static func concat(_ operands: [ReferenceValue]) -> ReferenceValue {
    let first = operands[0]
    let area = first.dims.dropFirst(2).reduce(1, *)
    let channels = operands.reduce(0) { $0 + $1.dims[1] }
    var result = ReferenceValue(dims: [first.dims[0], channels] + first.dims.dropFirst(2), elements: [])
    for n in 0..<first.dims[0] {
      for operand in operands {
        let count = operand.dims[1] * area
        result.elements += operand.elements[n * count..<(n + 1) * count]
      }
    }
    return result
  }

  static func reflectPad(_ op: ReflectPad, _ x: ReferenceValue) -> ReferenceValue {
    func mirrored(_ index: Int, _ count: Int) -> Int {
      if index < 0 { return -index }
      return index >= count ? 2 * count - 2 - index : index
    }
    let (height, width) = (x.dims[2], x.dims[3])
    let outHeight = height + op.padding.top + op.padding.bottom
    let outWidth = width + op.padding.left + op.padding.right
    var result = ReferenceValue(dims: [x.dims[0], x.dims[1], outHeight, outWidth])
    for plane in 0..<x.dims[0] * x.dims[1] {
      for y in 0..<outHeight {
        for column in 0..<outWidth {
          let (fromY, fromX) = (
            mirrored(y - op.padding.top, height), mirrored(column - op.padding.left, width)
          )
          result.elements[(plane * outHeight + y) * outWidth + column] =
            x.elements[(plane * height + fromY) * width + fromX]
        }
      }
    }
    return result
  }

  static func softmax(_ x: ReferenceValue, isLogarithm: Bool) -> ReferenceValue {
    let count = x.dims[1]
    var result = x
    for n in 0..<x.dims[0] {
      let row = x.elements[n * count..<(n + 1) * count]
      let peak = Double(row.max() ?? 0)
      let powers = row.map { exp(Double($0) - peak) }
      let total = powers.reduce(0, +)
      for (index, power) in powers.enumerated() {
        let value = isLogarithm ? Double(row[n * count + index]) - peak - log(total) : power / total
        result.elements[n * count + index] = Float(value)
      }
    }
    return result
  }
}
