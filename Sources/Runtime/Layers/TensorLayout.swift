/// Pixels around a map that its writer fills with zeros and a padded consumer reads.
package struct Border: Hashable, Sendable {
  package var top, left, bottom, right: Int

  package init(top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0) {
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  /// The same width on every side.
  package init(all width: Int) { self.init(top: width, left: width, bottom: width, right: width) }

  package static let none = Border()

  /// The smallest border that covers both.
  package func union(_ other: Border) -> Border {
    Border(
      top: max(top, other.top), left: max(left, other.left), bottom: max(bottom, other.bottom),
      right: max(right, other.right))
  }
}

/// How one image of a value lies in memory: `[C/block][top+H+bottom][left+W+right][block]` floats.
///
/// Lanes of the last block beyond `channels` hold unspecified finite numbers; whoever reads them multiplies
/// them by zero. Image `n` of a batch starts `n * imageStride` floats after the buffer's start.
package struct TensorLayout: Hashable, Sendable {
  package var channels, height, width: Int
  /// Channels that lie side by side: 8 on SSE2, NEON and AVX2, 16 on AVX-512, `channels` for a stem's input.
  package var block: Int
  package var border: Border

  package init(channels: Int, height: Int, width: Int, block: Int, border: Border = .none) {
    (self.channels, self.height, self.width) = (channels, height, width)
    (self.block, self.border) = (block, border)
  }

  package var blockCount: Int { (channels + block - 1) / block }
  /// Floats from a pixel to the one below it.
  package var rowStride: Int { (border.left + width + border.right) * block }
  /// Floats from a channel block to the next.
  package var planeStride: Int { (border.top + height + border.bottom) * rowStride }
  /// Floats from the start of an image to pixel (0, 0) of its first block.
  package var origin: Int { border.top * rowStride + border.left * block }
  /// Floats an image takes: whole cache lines, and 16 zeroed ones behind a block that is no multiple of 8,
  /// since kernels read such rows in steps of 4.
  package var imageStride: Int {
    let exact = blockCount * planeStride + (block % 8 == 0 ? 0 : 16)
    return (exact + 15) & ~15
  }

  /// `imageStride` in bytes, or nil where it does not fit an `Int`.
  package var checkedByteCount: Int? {
    var product = 4
    for factor in [
      blockCount, block, border.top + height + border.bottom, border.left + width + border.right,
    ] {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow, next < Int.max / 4 else { return nil }
      product = next
    }
    return imageStride * 4
  }
}
