/// A window that slides over an image: its size, the distance between positions, and the padding of the image.
public struct Window: Hashable, Sendable {
  /// Size of the window.
  public var kernel: Extent
  /// Distance between neighbouring windows.
  public var strides: Extent
  /// Rows and columns around the input.
  public var padding: Padding
  /// Round the number of positions up, dropping a last one that would start in the padding (PyTorch).
  public var ceilMode: Bool

  /// A window of the given attributes.
  public init(kernel: Extent, strides: Extent, padding: Padding = .zero, ceilMode: Bool = false) {
    self.kernel = kernel
    self.strides = strides
    self.padding = padding
    self.ceilMode = ceilMode
  }

  /// Whether every position sees one pixel, and each pixel is seen.
  package var isSinglePixel: Bool {
    kernel == Extent(1, 1) && strides == Extent(1, 1) && padding.isZero
  }

  /// Positions along each axis of an image of `size`.
  package func outputSize(of size: Extent) throws(TypeFault) -> Extent {
    for (name, value) in [
      ("kernel", kernel.height), ("kernel", kernel.width), ("strides", strides.height),
      ("strides", strides.width),
    ] where value < 1 || value > maximumAttribute {
      throw .attribute(name: name, found: value)
    }
    for side in padding.sides where side < 0 {
      throw .attribute(name: "padding", found: side)
    }
    guard padding == fittedPadding(to: size) else {
      throw .attribute(name: "padding", found: padding.sides.max() ?? 0)
    }
    let padded = Extent(
      size.height + padding.top + padding.bottom, size.width + padding.left + padding.right)
    // Rounding up, PyTorch takes a window of which a stride less one reaches beyond the padded input.
    let beyond = ceilMode ? Extent(strides.height - 1, strides.width - 1) : Extent(0, 0)
    guard kernel.height <= padded.height + beyond.height, kernel.width <= padded.width + beyond.width else {
      throw .kernelLargerThanInput(kernel: kernel, paddedInput: padded)
    }
    return Extent(
      positions(
        size.height, padded.height, kernel: kernel.height, stride: strides.height, before: padding.top),
      positions(size.width, padded.width, kernel: kernel.width, stride: strides.width, before: padding.left))
  }

  /// The padding that an image of `size` takes: the one there is, but for the SAME rules.
  package func fittedPadding(to size: Extent) -> Padding {
    guard padding.rule != .fixed else { return padding }
    func split(_ size: Int, _ kernel: Int, _ stride: Int) -> (Int, Int) {
      let total = max(0, ((size - 1) / stride) * stride + kernel - size)
      return padding.rule == .sameUpper
        ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
    }
    let (top, bottom) = split(size.height, kernel.height, strides.height)
    let (left, right) = split(size.width, kernel.width, strides.width)
    return Padding(top: top, left: left, bottom: bottom, right: right, rule: padding.rule)
  }

  /// Number of positions along an axis of `size`, `padded` with its padding, of which `before` precede it.
  private func positions(_ size: Int, _ padded: Int, kernel: Int, stride: Int, before: Int) -> Int {
    guard ceilMode else { return (padded - kernel) / stride + 1 }
    let count = (padded - kernel + stride - 1) / stride + 1
    return (count - 1) * stride >= size + before ? count - 1 : count
  }

  package var attributes: [Attribute] {
    [
      Attribute("kernel", .integers([kernel.height, kernel.width])),
      Attribute("strides", .integers([strides.height, strides.width])),
    ] + Attribute.padding(padding) + [Attribute("ceil_mode", .flag(ceilMode))]
  }

  package init(_ reader: inout AttributeReader) throws(AttributeFault) {
    self.init(
      kernel: try reader.extent("kernel"), strides: try reader.extent("strides"),
      padding: try reader.padding(), ceilMode: try reader.flag("ceil_mode"))
  }

  /// The type of an image after this window has slid over it.
  package func inferType(_ data: TensorType) throws(TypeFault) -> TensorType {
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    // PyTorch refuses more than half a kernel of padding: a window could then see padding alone.
    guard padding.top * 2 <= kernel.height, padding.bottom * 2 <= kernel.height,
      padding.left * 2 <= kernel.width, padding.right * 2 <= kernel.width
    else {
      throw .attribute(name: "padding", found: padding.sides.max() ?? 0)
    }
    let spatial = try outputSize(of: data.spatial)
    return .image(data.channels, spatial.height, spatial.width)
  }
}
