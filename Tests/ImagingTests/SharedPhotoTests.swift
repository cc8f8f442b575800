import FixresBase
import FixresIR
import FixresImaging
import TestSupport
import Testing

/// Checks against photos that lie beside some checkouts only.
@Suite struct SharedPhotoTests {
  @Test(
    .enabled(if: TestData.shared("reference/images.txt") != nil, "needs ../shared/reference"),
    arguments: [112, 160])
  func pixelsEqualTheReference(_ side: Int) throws {
    let list = try MappedFile.open(try #require(TestData.shared("reference/images.txt"))).array
    let names = String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
    let reference = try Npy.read(
      MappedFile.open(try #require(TestData.shared("reference/pixels-\(side).npy"))))
    let expected = try #require(reference.uint8s())
    let preprocessor = try Preprocessor(.imageNet, size: Extent(side, side))
    let plane = side * side * 3
    for (index, name) in stride(from: 0, to: names.count, by: 10).map({ names[$0] }).enumerated() {
      // The list names photos from the folder above `data`.
      let photo = try preprocessor.picture(from: MappedFile.open(try #require(TestData.shared(name))))
      #expect(photo.rgb == Array(expected[index * plane..<(index + 1) * plane]), "\(name)")
    }
  }
}
