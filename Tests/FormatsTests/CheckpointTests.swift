import FixresBase
import FixresFormats
import TestSupport
import Testing

@Suite struct CheckpointTests {
  @Test func readsEveryGoodFixture() {
    let cases = CheckpointFixtures.cases.good
    #expect(cases.count > 60)
    for expected in cases {
      #expect(CheckpointFixtures.problems(good: expected) == [], "\(expected["file"]?.stringValue ?? "")")
    }
  }

  @Test("row 5, 6, 7, 8, 9 and 10: refuses every bad fixture") func refusesEveryBadFixture() {
    let cases = CheckpointFixtures.cases.bad
    #expect(cases.count > 130)
    for expected in cases {
      #expect(CheckpointFixtures.problems(bad: expected) == [], "\(expected["file"]?.stringValue ?? "")")
    }
  }

  @Test("row 1 and 2: refuses what is no file") func refusesWhatIsNoFile() {
    for (path, error) in [
      (TestData.fixture("formats"), FileError.isDirectory(path: TestData.fixture("formats"))),
      ("/dev/zero", .notRegular(path: "/dev/zero")),
      ("no such file", .notFound(path: "no such file")),
    ] {
      #expect(throws: FormatError.file(error)) { try Checkpoint.load(path: path) }
    }
  }
}
