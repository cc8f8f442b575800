import FixresIR

extension ReferenceInterpreter {
  static func globalPool(
    _ x: ReferenceValue, _ body: (ArraySlice<Float>) -> Double
  ) -> ReferenceValue {
    let area = x.dims[2] * x.dims[3]
    var result = ReferenceValue(dims: [x.dims[0], x.dims[1], 1, 1])
    for plane in result.elements.indices {
      result.elements[plane] = Float(body(x.elements[plane * area..<(plane + 1) * area]))
    }
    return result
  }

  static func maxPool(_ window: Window, _ x: ReferenceValue) -> ReferenceValue {
    slide(window, x) { values, _ in
      values.reduce(-Float.infinity) { $1.isNaN || $0.isNaN ? .nan : max($0, $1) }
    }
  }

  static func averagePool(_ window: Window, _ countsPadding: Bool, _ x: ReferenceValue) -> ReferenceValue {
    slide(window, x) { values, paddedArea in
      let sum = values.reduce(0.0) { $0 + Double($1) }
      return Float(sum / Double(countsPadding ? paddedArea : values.count))
    }
  }

  /// `body` on the image's values under each position of `window`, and the window's area within the padded
  /// image: a window that `ceilMode` lets hang over the padding counts only the part inside it.
  private static func slide(
    _ window: Window, _ x: ReferenceValue, _ body: ([Float], Int) -> Float
  ) -> ReferenceValue {
    let (height, width) = (x.dims[2], x.dims[3])
    let (pad, kernel, strides) = (window.padding, window.kernel, window.strides)
    let outHeight = positions(
      height, before: pad.top, after: pad.bottom, kernel: kernel.height, stride: strides.height,
      ceilMode: window.ceilMode)
    let outWidth = positions(
      width, before: pad.left, after: pad.right, kernel: kernel.width, stride: strides.width,
      ceilMode: window.ceilMode)
    var result = ReferenceValue(dims: [x.dims[0], x.dims[1], outHeight, outWidth])
    for plane in 0..<x.dims[0] * x.dims[1] {
      for oy in 0..<outHeight {
        for ox in 0..<outWidth {
          let top = oy * strides.height - pad.top
          let left = ox * strides.width - pad.left
          let rows = top..<min(top + kernel.height, height + pad.bottom)
          let columns = left..<min(left + kernel.width, width + pad.right)
          var values: [Float] = []
          for y in rows where y >= 0 && y < height {
            for column in columns where column >= 0 && column < width {
              values.append(x.elements[(plane * height + y) * width + column])
            }
          }
          result.elements[(plane * outHeight + oy) * outWidth + ox] = body(values, rows.count * columns.count)
        }
      }
    }
    return result
  }

  private static func positions(
    _ size: Int, before: Int, after: Int, kernel: Int, stride: Int, ceilMode: Bool
  ) -> Int {
    let span = size + before + after - kernel
    guard ceilMode else { return span / stride + 1 }
    let count = (span + stride - 1) / stride + 1
    return (count - 1) * stride >= size + before ? count - 1 : count
  }
}
