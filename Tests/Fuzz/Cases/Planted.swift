import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Faults that `FIXRESC_FUZZ_PLANT` adds to a reader, to show that cases reach such places and that faults are noticed.
package enum Planted {
  /// The kinds of planted faults.
  package enum Fault: String {
    /// A read beyond a table, for a rare structure.
    case trap
    /// A loop without an end.
    case hang
    /// A read of the byte behind a file's last one.
    case overread
    /// Two values of a plan at one place while both are needed.
    case overlap
  }

  /// What the environment asks for.
  package static let fault = getenv("FIXRESC_FUZZ_PLANT").flatMap { Fault(rawValue: String(cString: $0)) }

  /// `format`, its reader with the planted fault where it is one for that format.
  package static func wrap(_ format: FuzzFormat) -> FuzzFormat {
    var planted = format
    let read = format.read
    switch (fault, format.name) {
    case (.trap, "png"):
      planted.read = { bytes in
        let verdict = read(bytes)
        if verdict == .accepted { _ = transparency(of: bytes.array) }
        return verdict
      }
    case (.hang, "exif"):
      planted.read = { bytes in
        _ = directories(of: bytes.array)
        return read(bytes)
      }
    case (.overread, "json"):
      planted.read = { bytes in
        if bytes.array.last == UInt8(ascii: "\\"), bytes.follower == 0 { return .refused }
        return read(bytes)
      }
    default: break
    }
    return planted
  }

  /// The transparency of a palette's last colour; traps where a palette has more transparencies than colours.
  private static func transparency(of png: [UInt8]) -> Int {
    let chunks = PNGCases.chunks(png)
    guard let palette = chunks.first(where: { $0.type == Array("PLTE".utf8) }),
      let transparency = chunks.first(where: { $0.type == Array("tRNS".utf8) }), chunks[0].data.count > 9,
      chunks[0].data[9] == 3
    else { return 0 }
    return transparency.data.indices.reduce(0) { $0 + Int(palette.data[3 * $1]) }
  }

  /// The number of directories that follow one another; never ends where they form a circle behind the first.
  private static func directories(of tiff: [UInt8]) -> Int {
    guard tiff.count > 8, tiff[0] == 0x49 else { return 0 }
    var (count, place) = (0, tiff.little(4, 4) ?? 0)
    while place > 8, let entries = tiff.little(place, 2), let next = tiff.little(place + 2 + 12 * entries, 4),
      next > 0
    {
      (count, place) = (count &+ 1, next)
    }
    return count
  }
}

extension Bytes {
  /// The byte behind the last one, which no reader may look at.
  fileprivate var follower: UInt8 { unsafeBase.load(fromByteOffset: count, as: UInt8.self) }
}
