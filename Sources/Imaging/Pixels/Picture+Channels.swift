extension Picture {
  /// The picture in grey, each level three times: Pillow's `convert("L")` in place, `(19595 R + 38470 G + 7471 B + 2^15)
  /// >> 16`.
  consuming func grey() -> Picture {
    let base = pixels.base
    for pixel in 0..<width &* height {
      let at = base + 4 &* pixel
      let luma = 19595 &* Int(at[0]) &+ 38470 &* Int(at[1]) &+ 7471 &* Int(at[2]) &+ 32768
      let level = UInt8(truncatingIfNeeded: luma &>> 16)
      (at[0], at[1], at[2]) = (level, level, level)
    }
    return self
  }

  /// A copy with each colour multiplied by its opacity, as Pillow resizes pictures with alpha.
  func premultiplied() throws(ImageError) -> Picture {
    let target = try Picture(uninitializedWidth: width, height: height)
    for pixel in 0..<width &* height {
      let (from, to) = (pixels.base + 4 &* pixel, target.pixels.base + 4 &* pixel)
      let alpha = Int(from[3])
      for channel in 0..<3 {
        // a b / 255, rounded to the nearest.
        let product = Int(from[channel]) &* alpha &+ 128
        to[channel] = UInt8(truncatingIfNeeded: ((product &>> 8) &+ product) &>> 8)
      }
      to[3] = from[3]
    }
    return target
  }

  /// Divides each colour by its opacity in place, rounding down; undoes `premultiplied`.
  consuming func unpremultiplied() -> Picture {
    for pixel in 0..<width &* height {
      let at = pixels.base + 4 &* pixel
      let alpha = Int(at[3])
      if alpha == 0 || alpha == 255 { continue }
      for channel in 0..<3 { at[channel] = UInt8(min(255 &* Int(at[channel]) / alpha, 255)) }
    }
    return self
  }
}
