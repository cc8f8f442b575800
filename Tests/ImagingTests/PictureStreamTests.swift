import FixresBase
import FixresIR
import FixresImaging
import TestSupport
import Testing

@Suite struct PictureStreamTests {
  @Test(arguments: [(1, 1), (3, 2), (8, 4), (100, 3), (4, 0)])
  func givesEveryPictureInOrder(_ batchSize: Int, _ workers: Int) throws {
    let data = try PictureFolder(classes: 1, perClass: 23)
    let paths = try ImageFolder(path: data.folder.path).entries.map(\.path)
    let preprocessor = try Preprocessor(.imageNet, size: Extent(8, 12))
    let stream = PictureStream(paths, preprocessor, batchSize: batchSize, workers: workers, keepsPixels: true)
    defer { stream.stop() }
    var next = 0
    while let batch = stream.nextBatch() {
      #expect(batch.range.lowerBound == next && batch.failures.isEmpty && batch.turned.isEmpty)
      for (row, index) in batch.range.enumerated() {
        let picture = try preprocessor.picture(from: try MappedFile.open(paths[index]))
        #expect(Array(batch.input[row * 288..<(row + 1) * 288]) == preprocessor.input(from: picture))
        #expect(Array(batch.pixels[row * 288..<(row + 1) * 288]) == picture.rgb)
      }
      next = batch.range.upperBound
    }
    #expect(next == 23)
    #expect(stream.nextBatch() == nil)
  }

  @Test func canBeLeftInTheMiddle() throws {
    let data = try PictureFolder(classes: 1, perClass: 50)
    let paths = try ImageFolder(path: data.folder.path).entries.map(\.path)
    let stream = PictureStream(
      paths, try Preprocessor(.imageNet, size: Extent(square: 8)), batchSize: 2, workers: 2)
    #expect(stream.nextBatch()?.range == 0..<2)
    stream.stop()
    let empty = PictureStream(
      [], try Preprocessor(.imageNet, size: Extent(square: 8)), batchSize: 2, workers: 2)
    #expect(empty.nextBatch() == nil)
    empty.stop()
  }

  /// Whatever a stream needs to know of a file, it parses the header once.
  @Test(arguments: ["exif-6.jpg", "exif-8.png", "pattern-33x33.ppm"])
  func streamsParseAHeaderOnce(_ name: String) throws {
    let path = TestData.fixture("imaging/" + name)
    for appliesOrientation in [false, true] {
      let preprocessor = try Preprocessor(
        .imageNet, size: Extent(square: 8), appliesOrientation: appliesOrientation)
      let stream = PictureStream([path, path], preprocessor, batchSize: 2, workers: 0)
      defer { stream.stop() }
      var turned: [Int] = []
      let work = WorkTally.counting { turned = stream.nextBatch()?.turned ?? [] }
      #expect(work == [.pictureHeader: 2])
      #expect(turned == (name.hasPrefix("exif") ? [0, 1] : []))
    }
  }
}
