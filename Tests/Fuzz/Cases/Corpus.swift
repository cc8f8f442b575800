import FixresBase
import TestSupport

/// Small good files that cases start from: the fixtures of the tests.
enum Corpus {
  /// Files in `Tests/Fixtures/<folder>` whose names end in `suffix`, of at most `limit` bytes.
  static func files(in folder: String, suffix: String, atMost limit: Int) -> [[UInt8]] {
    let path = TestData.fixture(folder)
    return TestData.names(in: path).filter { $0.hasSuffix(suffix) }.compactMap { name in
      guard let bytes = try? MappedFile.open(path + "/" + name), bytes.count > 0, bytes.count <= limit else {
        return nil
      }
      return bytes.array
    }
  }
}

extension Corpus {
  /// The path of a folder of fixtures.
  static func folder(_ name: String) -> String { TestData.fixture(name) }

  /// The bytes of one fixture; empty where there is none.
  static func file(_ name: String) -> [UInt8] { (try? MappedFile.open(TestData.fixture(name)))?.array ?? [] }
}
