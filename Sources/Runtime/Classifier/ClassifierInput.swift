import FixresBase
import FixresIR
import FixresImaging

/// One picture, or one input tensor, for a `Classifier`.
///
/// Inputs made from a pointer refer to the caller's memory, which must stay as it is until the call that got them has
/// returned; they are copied only as far as resizing and normalising do.
public struct ClassifierInput: @unchecked Sendable {
  // Sendable because memory behind pointers is only read, and by contract not written meanwhile.

  enum Content {
    case file(String)
    case bytes(Bytes)
    case encoded(UnsafeRawBufferPointer)
    case pixels(PixelPlane)
    case picture(Picture)
    case tensor(UnsafeBufferPointer<Float>)
    case floats(AlignedBlock, count: Int)
  }

  let content: Content

  /// The picture file at `path`.
  public static func file(_ path: String) -> Self { Self(content: .file(path)) }

  /// The bytes of a picture file.
  public static func encoded(_ bytes: [UInt8]) -> Self { Self(content: .bytes(Bytes(bytes))) }

  /// The bytes of a picture file.
  public static func encoded(_ bytes: Bytes) -> Self { Self(content: .bytes(bytes)) }

  /// The bytes of a picture file in the caller's memory.
  public static func encoded(_ bytes: UnsafeRawBufferPointer) -> Self { Self(content: .encoded(bytes)) }

  /// A decoded picture.
  public static func picture(_ picture: Picture) -> Self { Self(content: .picture(picture)) }

  /// Pixels of four bytes R, G, B, A in the caller's memory, rows `bytesPerRow` bytes apart (nil: `4 * width`); opacity
  /// is dropped unless the network takes it.
  public static func rgba(
    _ pixels: UnsafeRawPointer, width: Int, height: Int, bytesPerRow: Int? = nil
  ) -> Self { plane(of: pixels, .rgba, size: (width, height), bytesPerRow) }

  /// Pixels of four bytes B, G, R, A in the caller's memory, rows `bytesPerRow` bytes apart (nil: `4 * width`).
  public static func bgra(
    _ pixels: UnsafeRawPointer, width: Int, height: Int, bytesPerRow: Int? = nil
  ) -> Self { plane(of: pixels, .bgra, size: (width, height), bytesPerRow) }

  /// Pixels of three bytes R, G, B in the caller's memory, rows `bytesPerRow` bytes apart (nil: `3 * width`).
  public static func rgb(
    _ pixels: UnsafeRawPointer, width: Int, height: Int, bytesPerRow: Int? = nil
  ) -> Self { plane(of: pixels, .rgb, size: (width, height), bytesPerRow) }

  /// Grey levels of one byte in the caller's memory, rows `bytesPerRow` bytes apart (nil: `width`).
  public static func grey(
    _ pixels: UnsafeRawPointer, width: Int, height: Int, bytesPerRow: Int? = nil
  ) -> Self { plane(of: pixels, .grey, size: (width, height), bytesPerRow) }

  /// The network's input `[C, H, W]`, normalised, in the caller's memory; it is not copied.
  public static func tensor(_ floats: UnsafeBufferPointer<Float>) -> Self { Self(content: .tensor(floats)) }

  /// The network's input `[C, H, W]`, normalised.
  public static func tensor(_ floats: [Float]) -> Self {
    let block = AlignedBlock(uninitializedByteCount: ElementFormat.f32.byteCount(of: floats.count))
    floats.withUnsafeBufferPointer { floats in
      if let base = floats.baseAddress { block.floats.update(from: base, count: floats.count) }
    }
    return Self(content: .floats(block, count: floats.count))
  }

  private static func plane(
    of base: UnsafeRawPointer, _ order: PixelPlane.Order, size: (width: Int, height: Int), _ bytesPerRow: Int?
  ) -> Self {
    Self(
      content: .pixels(
        PixelPlane(
          base: base, order: order, width: size.width, height: size.height,
          bytesPerRow: bytesPerRow ?? size.width.multipliedSaturated(order.byteCount))))
  }
}

extension ClassifierInput {
  /// The network's input as `preprocessor` makes it of a picture; a tensor is taken as it is.
  func input(_ preprocessor: Preprocessor) throws(ImageError) -> PicturePass.Input {
    switch content {
    case .tensor(let floats): return .tensor(try Self.checked(floats.baseAddress, floats.count, preprocessor))
    case .floats(let block, let count): return .tensor(try Self.checked(block.floats, count, preprocessor))
    case .file(let path): return try PicturePass.input(fromFile: path, preprocessor)
    case .bytes(let bytes): return try PicturePass.input(from: bytes, preprocessor)
    case .encoded(let memory): return try PicturePass.input(from: Bytes(borrowing: memory), preprocessor)
    case .pixels(let plane):
      let picture = try plane.picture(preprocessor.mode, limits: preprocessor.limits)
      return .picture(try preprocessor.picture(from: picture), isTurned: false)
    case .picture(let picture):
      let isGrey = preprocessor.mode == .grey
      let unlimited = DecodingLimits(maximumPixels: .max)
      let own = isGrey ? try PixelPlane(picture).picture(.grey, limits: unlimited) : picture
      return .picture(try preprocessor.picture(from: own), isTurned: false)
    }
  }

  /// The floats of a tensor as large as the input that `preprocessor` makes.
  private static func checked(
    _ floats: UnsafePointer<Float>?, _ count: Int, _ preprocessor: Preprocessor
  ) throws(ImageError) -> UnsafePointer<Float> {
    let expected = preprocessor.mode.channelCount * preprocessor.size.area
    guard count == expected, let floats else {
      throw .inputMemory(
        expected: "\(expected) floats [\(preprocessor.mode.channelCount), \(preprocessor.size.height), "
          + "\(preprocessor.size.width)]", found: "\(count)")
    }
    return floats
  }
}
