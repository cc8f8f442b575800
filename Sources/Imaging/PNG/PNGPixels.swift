/// A pass of an interlaced picture: its size, first pixel and distances between pixels in the whole picture.
struct PNGPass {
  let width: Int
  let height: Int
  let x: Int
  let y: Int
  let dx: Int
  let dy: Int

  /// The passes of Adam7 that hold pixels.
  static func adam7(width: Int, height: Int) -> [PNGPass] {
    let layout = [
      (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ]
    return layout.map { x, y, dx, dy in
      PNGPass(
        width: (width - x + dx - 1) / dx, height: (height - y + dy - 1) / dy, x: x, y: y, dx: dx, dy: dy)
    }.filter { $0.width > 0 && $0.height > 0 }
  }
}

/// Converts the filtered rows of a PNG to RGB with opacity.
struct PNGPixels {
  let header: PNGDecoder.Header
  /// R, G, B of each index.
  let palette: [UInt8]?
  /// The body of tRNS: the opacity of each index, or the transparent level or colour; nil without one.
  let transparency: [UInt8]?
  /// The rows of all passes, each after its filter byte; unfiltered in place.
  let raw: PixelBuffer
  /// File offset of the data, for errors.
  let offset: Int

  func picture() throws(ImageError) -> Picture {
    let colors = try colorTable()
    let picture = try Picture(uninitializedWidth: header.width, height: header.height)
    var row = raw.base
    for pass in header.passes {
      let byteCount = header.rowBytes(pass.width)
      var above: UnsafeMutablePointer<UInt8>?
      for y in 0..<pass.height {
        guard unfilter(row + 1, above: above, byteCount: byteCount, kind: row[0]) else {
          throw .malformed(.png, offset: offset, expected: "a row filter 0...4", found: "\(row[0])")
        }
        let target = picture.pixels.base + (pass.y + y * pass.dy) * picture.bytesPerRow + 4 * pass.x
        convert(row + 1, pass, colors, to: UnsafeMutableRawPointer(target))
        above = row + 1
        row += byteCount + 1
      }
    }
    return picture
  }

  /// Undoes a row's filter; false for an unknown one.
  private func unfilter(
    _ row: UnsafeMutablePointer<UInt8>, above: UnsafeMutablePointer<UInt8>?, byteCount: Int, kind: UInt8
  ) -> Bool {
    let step = max(header.bitsPerPixel / 8, 1)
    switch (kind, above) {
    case (0, _): break
    case (1, _), (4, nil):
      // Paeth without a row above predicts the left byte.
      var index = step
      while index < byteCount {
        row[index] &+= row[index &- step]
        index &+= 1
      }
    case (2, nil): break
    case (2, let above?):
      for index in 0..<byteCount { row[index] &+= above[index] }
    case (3, _):
      for index in 0..<byteCount {
        let left = index < step ? 0 : UInt16(row[index &- step])
        let up = above.map { UInt16($0[index]) } ?? 0
        row[index] &+= UInt8(truncatingIfNeeded: (left &+ up) &>> 1)
      }
    case (4, let above?): Self.undoPaeth(row, above, byteCount: byteCount, step: step)
    default: return false
    }
    return true
  }

  private static func undoPaeth(
    _ row: UnsafeMutablePointer<UInt8>, _ above: UnsafeMutablePointer<UInt8>, byteCount: Int, step: Int
  ) {
    for index in 0..<min(step, byteCount) { row[index] &+= above[index] }
    var index = step
    while index < byteCount {
      let a = Int16(row[index &- step])
      let b = Int16(above[index])
      let c = Int16(above[index &- step])
      let distanceA = abs(b &- c)
      let distanceB = abs(a &- c)
      let distanceC = abs(a &+ b &- c &- c)
      let nearest =
        distanceA <= distanceB && distanceA <= distanceC ? a : distanceB <= distanceC ? b : c
      row[index] &+= UInt8(truncatingIfNeeded: nearest)
      index &+= 1
    }
  }

  /// The pixel of each palette index or grey level up to 8 bits: R, G, B, 255.
  private func colorTable() throws(ImageError) -> [SIMD4<UInt8>] {
    switch header.color {
    case .palette:
      guard let palette else {
        throw .malformed(.png, offset: offset, expected: "a PLTE chunk before the data", found: "none")
      }
      // Indices beyond the palette, and one of an incomplete colour, are black in Pillow.
      return (0..<256).map { index in
        let alpha = transparency.flatMap { index < $0.count ? $0[index] : nil } ?? 255
        guard 3 * index + 2 < palette.count else { return [0, 0, 0, alpha] }
        return [palette[3 * index], palette[3 * index + 1], palette[3 * index + 2], alpha]
      }
    case .grey where header.depth < 8:
      let most = 1 << header.depth - 1
      return (0...most).map { level in
        return opaque(UInt8(level * 255 / most))
      }
    default:
      return (0..<256).map { opaque(UInt8($0)) }
    }
  }

  /// A grey pixel, transparent where tRNS says so.
  private func opaque(_ level: UInt8) -> SIMD4<UInt8> {
    SIMD4(level, level, level, transparentColor.map { $0[0] == level } ?? false ? 0 : 255)
  }

  /// The transparent colour, of which Pillow compares the lower bytes with 8-bit levels; nil without one.
  private var transparentColor: SIMD3<UInt8>? {
    guard let transparency, transparency.count >= (header.color == .rgb ? 6 : 2) else { return nil }
    switch header.color {
    case .grey where header.depth == 1:
      return SIMD3(repeating: transparency[0] | transparency[1] == 0 ? 0 : 255)
    case .grey: return SIMD3(repeating: transparency[1])
    case .rgb: return SIMD3(transparency[1], transparency[3], transparency[5])
    default: return nil
    }
  }

  /// Writes a row's pixels `pass.dx` apart.
  private func convert(
    _ row: UnsafeMutablePointer<UInt8>, _ pass: PNGPass, _ colors: [SIMD4<UInt8>],
    to target: UnsafeMutableRawPointer
  ) {
    func put(_ x: Int, _ pixel: SIMD4<UInt8>) {
      target.storeBytes(of: pixel, toByteOffset: 4 &* x &* pass.dx, as: SIMD4<UInt8>.self)
    }
    switch (header.color, header.depth) {
    case (.grey, 16):
      // Pillow clips 16-bit grey levels to 255.
      for x in 0..<pass.width {
        put(x, opaque(row[2 &* x] > 0 ? 255 : row[2 &* x &+ 1]))
      }
    case (.palette, _), (.grey, _):
      colors.withUnsafeBufferPointer { colors in
        let mask = (1 << header.depth) - 1
        for x in 0..<pass.width {
          let bit = x &* header.depth
          let shift = 8 &- header.depth &- (bit & 7)
          put(x, colors[Int(row[bit &>> 3]) &>> shift & mask])
        }
      }
    case (.greyAlpha, let depth):
      let step = depth / 4
      for x in 0..<pass.width {
        let level = row[step &* x]
        put(x, [level, level, level, row[step &* x &+ step / 2]])
      }
    case (.rgb, let depth):
      let sample = depth / 8
      let transparent = transparentColor
      for x in 0..<pass.width {
        let at = row + 3 &* sample &* x
        let color = SIMD3(at[0], at[sample], at[2 &* sample])
        put(x, SIMD4(color, color == transparent ? 0 : 255))
      }
    case (.rgba, let depth):
      let sample = depth / 8
      for x in 0..<pass.width {
        let at = row + 4 &* sample &* x
        put(x, [at[0], at[sample], at[2 &* sample], at[3 &* sample]])
      }
    }
  }
}
