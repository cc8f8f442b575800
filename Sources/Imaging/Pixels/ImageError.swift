import FixresBase

/// Formats of picture files that can be decoded.
public enum PictureFormat: String, Hashable, Sendable, CaseIterable {
  /// ITU-T T.81, Huffman coding, 8-bit samples.
  case jpeg = "JPEG"
  /// ISO/IEC 15948.
  case png = "PNG"
  /// Binary greyscale (P5) and colour (P6).
  case netpbm = "PPM"
}

/// Why a picture or a folder of pictures could not be used; offsets are bytes from the start of the file.
public enum ImageError: Error, Hashable, Sendable {
  /// The file could not be opened or read.
  case file(FileError)
  /// No known picture format starts with these bytes (at most 16 of them).
  case unknownFormat(firstBytes: [UInt8])
  /// A known format that is not decoded: `GIF`, `HTML`, `Git LFS pointer`.
  case otherFormat(name: String)
  /// `expected` more bytes were needed at `offset` and `found` were left.
  case truncated(PictureFormat, offset: Int, expected: Int, found: Int)
  /// The bytes at `offset` break the format's rules.
  case malformed(PictureFormat, offset: Int, expected: String, found: String)
  /// A valid file with a feature that is not supported: `arithmetic coding`, `12-bit samples`.
  case unsupported(PictureFormat, offset: Int, feature: String)
  /// A stored checksum differs from the one of the bytes.
  case checksum(PictureFormat, offset: Int, part: String, expected: UInt32, found: UInt32)
  /// The header declares more pixels than `DecodingLimits` allow.
  case tooManyPixels(width: Int, height: Int, limit: Int)
  /// Allocating `byteCount` bytes failed.
  case outOfMemory(byteCount: Int)
  /// A preprocessing description or a size that is out of range.
  case preprocessing(expected: String, found: String)
  /// Memory of a caller that holds no picture, or no tensor of the input's size.
  case inputMemory(expected: String, found: String)
  /// A folder of pictures has no class folder with a picture in it.
  case noClasses(path: String)
  /// A class folder holds no picture.
  case emptyClass(path: String)
  /// More than `limit` folders lie below one, links followed.
  case tooManyFolders(path: String, limit: Int)
  /// What another process found wrong: its error's kind and sentence, and the format where only a decoder is missing.
  case reported(kind: String, sentence: String, formatWithoutDecoder: String?)
}
