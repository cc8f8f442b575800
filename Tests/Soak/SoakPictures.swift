import FixresBase
import FixresImaging
import Synchronization
import TestSupport

/// The pictures of the soak: the test fixtures, and the same with wrong bytes.
final class SoakPictures: Sendable {
  /// Files that decode.
  let good: [Bytes]
  /// Files of which some bytes are wrong.
  let bad: [Bytes]
  /// Inputs made before, by the size they are for and the picture.
  private let inputs = Mutex<[String: [Float]]>([:])

  private static let badCount = 200

  init(seed: UInt64) throws {
    let folder = TestData.fixture("imaging")
    var random = SeededRandom(seed: seed)
    var good: [Bytes] = []
    var bad: [Bytes] = []
    for name in TestData.names(in: folder) where name.hasSuffix(".jpg") || name.hasSuffix(".png") {
      let bytes = try MappedFile.open(folder + "/" + name)
      do {
        _ = try PictureDecoder.decode(bytes)
        good.append(bytes)
      } catch {
        bad.append(bytes)
      }
    }
    for index in 0..<Self.badCount {
      var content = good[index % good.count].array
      for _ in 0..<random.nextInt(in: 1..<6) {
        content[random.nextInt(in: 0..<content.count)] = UInt8(random.nextInt(in: 0..<256))
      }
      if random.nextInt(in: 0..<4) == 0 { content.removeLast(random.nextInt(in: 0..<content.count)) }
      bad.append(Bytes(content))
    }
    (self.good, self.bad) = (good, bad)
  }

  /// The input `[3, H, W]` that `preprocessor` makes of picture `index`; decoded anew where `decodes`.
  func input(_ index: Int, _ preprocessor: Preprocessor, decodes: Bool) throws -> [Float] {
    let name = "\(preprocessor.size) \(index)"
    if !decodes, let known = inputs.withLock({ $0[name] }) { return known }
    let input = preprocessor.input(from: try preprocessor.picture(from: good[index]))
    inputs.withLock { $0[name] = input }
    return input
  }

  /// A checksum of the pixels of damaged picture `index`; 0 where it is refused.
  func outcome(ofBad index: Int) -> UInt32 {
    guard let picture = try? PictureDecoder.decode(bad[index]) else { return 0 }
    return max(1, picture.rgb.withUnsafeBytes { CRC32C.checksum($0) })
  }
}
