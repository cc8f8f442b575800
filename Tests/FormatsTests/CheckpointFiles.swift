import FixresBase
import FixresFormats

/// Files built in memory: archives with right checksums around a changed pickle, safetensors around a changed header.
enum CheckpointFiles {
  static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
  }

  /// A zip archive of stored members, Zip64 records where there are more members than 16 bits count.
  static func zip(_ members: [(name: String, data: [UInt8])]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, data) in members {
      let sum = data.withUnsafeBytes { CRC32.checksum($0) }
      let figures = little(sum) + little(UInt32(data.count)) + little(UInt32(data.count))
      let tail = little(UInt16(name.utf8.count)) + little(UInt16(0))
      let version: [UInt8] = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      directory += little(UInt32(0x0201_4B50)) + [10, 0] + version + figures + tail
      directory += [UInt8](repeating: 0, count: 10) + little(UInt32(file.count)) + Array(name.utf8)
      file += little(UInt32(0x0403_4B50)) + version + figures + tail + Array(name.utf8) + data
    }
    let start = UInt64(file.count)
    let size = UInt64(directory.count)
    let count = UInt64(members.count)
    file += directory
    let end = UInt64(file.count)
    if count >= 0xFFFF {
      file += little(UInt32(0x0606_4B50)) + little(UInt64(44)) + [45, 0, 45, 0] + little(UInt64(0))
      file += little(count) + little(count) + little(size) + little(start)
      file += little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(end) + little(UInt32(1))
    }
    let short = UInt16(min(count, 0xFFFF))
    file += little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(short) + little(short)
    return file + little(UInt32(size)) + little(UInt32(start)) + little(UInt16(0))
  }

  /// A PyTorch archive around `pickle` with one storage of four float32.
  static func torchZip(_ pickle: [UInt8], storages: [(String, [UInt8])] = [("0", four)]) -> [UInt8] {
    zip(
      [("archive/data.pkl", pickle), ("archive/version", Array("3\n".utf8))]
        + storages.map { ("archive/data/" + $0.0, $0.1) })
  }

  static let four: [UInt8] = [Float(1), 2, 3, 4].flatMap { little($0.bitPattern) }

  static func safetensors(_ header: [UInt8], data: [UInt8] = []) -> [UInt8] {
    little(UInt64(header.count)) + header + data
  }

  static func fixture(_ name: String) -> [UInt8] {
    (try? MappedFile.open(CheckpointFixtures.folder + name))?.array ?? []
  }

  /// `\x80\x02}(X....<name><value>...u.`
  static func pickledDictionary(_ entries: [(String, [UInt8])]) -> [UInt8] {
    var pickle: [UInt8] = [0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "(")]
    for (name, value) in entries {
      pickle += [UInt8(ascii: "X")] + little(UInt32(name.utf8.count)) + Array(name.utf8) + value
    }
    return pickle + Array("u.".utf8)
  }

  /// Reads `file` and every tensor of it; true where all of that worked. What matters is that it returns.
  @discardableResult
  static func read(_ file: [UInt8]) -> Bool { read(Bytes(file)) }

  static func read(_ bytes: Bytes) -> Bool {
    do {
      for tensor in try Checkpoint.read(SourceFile(bytes, path: "case")).tensors
      where tensor.elementCount < 1 << 20 {
        _ = try tensor.float32()
      }
      return true
    } catch { return false }
  }
}
