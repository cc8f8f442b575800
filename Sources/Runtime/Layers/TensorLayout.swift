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

/// How one image of a value lies in memory: `[C/block][top+H+bottom][left+W+right][block]` elements of `format`.
///
/// Lanes of the last block beyond `channels` hold unspecified finite numbers; whoever reads them multiplies
/// them by zero. Image `n` of a batch starts `n * imageStride` elements after the buffer's start.
package struct TensorLayout: Hashable, Sendable {
  package var channels, height, width: Int
  /// Channels that lie side by side, one for each 32-bit accumulator lane in every format: 8 on SSE2, NEON and AVX2,
  /// 16 on AVX-512, `channels` for a stem's input.
  package var block: Int
  package var border: Border
  /// How each element is stored.
  package var format: ElementFormat

  package init(
    channels: Int, height: Int, width: Int, block: Int, border: Border = .none, format: ElementFormat = .f32
  ) {
    (self.channels, self.height, self.width) = (channels, height, width)
    (self.block, self.border, self.format) = (block, border, format)
  }

  package var blockCount: Int { (channels + block - 1) / block }
  /// Elements from a pixel to the one below it.
  package var rowStride: Int { (border.left + width + border.right) * block }
  /// Elements from a channel block to the next.
  package var planeStride: Int { (border.top + height + border.bottom) * rowStride }
  /// Elements from the start of an image to pixel (0, 0) of its first block.
  package var origin: Int { border.top * rowStride + border.left * block }
  /// Elements an image takes: whole cache lines, and 16 zeroed ones behind a block that is no multiple of 8,
  /// since kernels read such rows in steps of 4.
  package var imageStride: Int {
    let exact = blockCount * planeStride + (block % 8 == 0 ? 0 : 16)
    let line = Self.lineByteCount / format.byteCount
    return (exact + line - 1) / line * line
  }

  /// Bytes of a cache line.
  private static let lineByteCount = 64
  /// What an image's bytes stay below, so that they can still be rounded up.
  private static let largestByteCount = 1 << 60

  /// `imageByteCount`, or nil where it does not fit an `Int`.
  package var checkedByteCount: Int? {
    var product = format.byteCount
    for factor in [
      blockCount, block, border.top + height + border.bottom, border.left + width + border.right,
    ] {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow, next < Self.largestByteCount else { return nil }
      product = next
    }
    return imageByteCount
  }
}

extension TensorLayout {
  /// Bytes from an image to the next.
  package var imageByteCount: Int { format.byteCount(of: imageStride) }
  /// Bytes from a channel block to the next.
  package var planeByteStride: Int { format.byteCount(of: planeStride) }
  /// Bytes from a pixel to the one below it.
  package var rowByteStride: Int { format.byteCount(of: rowStride) }
  /// Bytes from a pixel to the one beside it.
  package var pixelByteStride: Int { format.byteCount(of: block) }
  /// Bytes from the start of an image to pixel (0, 0) of its first block.
  package var originByteOffset: Int { format.byteCount(of: origin) }
}
