import FixresBase
import FixresIR
import FixresImaging
import TestSupport
import Testing

/// The pictures of `Tests/Fixtures/imaging` and what Pillow and torchvision gave for them.
enum Fixtures {
  struct PictureCase: Sendable, CustomTestStringConvertible {
    let name: String
    let width: Int
    let height: Int
    let crc: UInt32

    var testDescription: String { name }
  }

  struct ResizeCase: Sendable {
    let source: String
    let width: Int
    let height: Int
    let filter: String
    let crc: UInt32
  }

  struct PreprocessCase: Sendable {
    let source: String
    let side: Int
    let rule: String
    let filter: String
    let share: Double
    let pixels: UInt32
    let input: UInt32
  }

  /// A case of facts beyond ImageNet's.
  struct InputCase: Sendable {
    let source: String
    let mode: String
    let side: Int
    let description: Preprocessing
    let pixels: UInt32
    let input: UInt32
  }

  static func bytes(_ name: String) throws -> Bytes {
    try MappedFile.open(TestData.fixture("imaging/" + name))
  }

  static let pictures: [PictureCase] =
    manifest["pictures"]?.objectValue?.members.map { member in
      PictureCase(
        name: member.key, width: number(member.value, "width"), height: number(member.value, "height"),
        crc: UInt32(number(member.value, "crc")))
    } ?? []

  static let resizes: [ResizeCase] =
    manifest["resize"]?.arrayValue?.map { entry in
      ResizeCase(
        source: text(entry, "source"), width: entry["to"]?[0]?.integerValue ?? 0,
        height: entry["to"]?[1]?.integerValue ?? 0, filter: text(entry, "filter"),
        crc: UInt32(number(entry, "crc")))
    } ?? []

  static let preprocesses: [PreprocessCase] =
    manifest["preprocess"]?.arrayValue?.map { entry in
      PreprocessCase(
        source: text(entry, "source"), side: number(entry, "side"), rule: text(entry, "rule"),
        filter: text(entry, "filter"), share: entry["share"]?.doubleValue ?? 0,
        pixels: UInt32(number(entry, "pixels")), input: UInt32(number(entry, "input")))
    } ?? []

  static let inputs: [InputCase] =
    manifest["inputs"]?.arrayValue?.map { entry in
      InputCase(
        source: text(entry, "source"), mode: text(entry, "mode"), side: number(entry, "side"),
        description: description(entry), pixels: UInt32(number(entry, "pixels")),
        input: UInt32(number(entry, "input")))
    } ?? []

  private static func description(_ entry: JSON) -> Preprocessing {
    func floats(_ key: String) -> [Float] {
      entry[key]?.arrayValue?.compactMap { $0.doubleValue.map(Float.init) } ?? []
    }
    var result = Preprocessing(mean: floats("mean"), standardDeviation: floats("std"))
    result.resizeRule = .init(rawValue: text(entry, "rule")) ?? .exact
    result.interpolation = .init(rawValue: text(entry, "filter")) ?? .box
    result.cropRounding = .init(rawValue: text(entry, "rounding")) ?? .halfToEven
    result.channelOrder = .init(rawValue: text(entry, "order")) ?? .rgb
    result.inputScale = .init(rawValue: number(entry, "scale")) ?? .unit
    result.cropRatio = .sides(crop: number(entry, "side"), resized: number(entry, "resized"))
    return result
  }

  private static let manifest: JSON =
    (try? JSON.parse(bytes("manifest.json"))) ?? .null

  private static func number(_ entry: JSON, _ key: String) -> Int { entry[key]?.integerValue ?? -1 }
  private static func text(_ entry: JSON, _ key: String) -> String { entry[key]?.stringValue ?? "" }

  static func crc(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32.checksum($0) } }
  static func crc(_ values: [Float]) -> UInt32 { values.withUnsafeBytes { CRC32.checksum($0) } }
}
