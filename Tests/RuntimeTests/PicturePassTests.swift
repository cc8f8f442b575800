import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime
import TestSupport
import Testing

@Suite struct PicturePassTests {
  /// A network for `[3, 8, 12]` with 7 classes and 5 features.
  static func model() throws -> Model {
    var net = RandomNetwork(seed: 11)
    var x = try net.builder.input("input", .image(3, 8, 12))
    x = try net.convolution(x, 5)
    x = try net.append(.globalAveragePool(GlobalAveragePool()), [x])
    return try net.head(x, classes: 7)
  }

  private static func paths(_ data: PictureFolder) throws -> [String] {
    try ImageFolder(path: data.folder.path).entries.map(\.path)
  }

  @Test(arguments: [1, 2], [1, 3, 100])
  func givesEveryPictureInOrder(threads: Int, limit: Int) throws {
    let data = try PictureFolder(classes: 1, perClass: 23)
    let paths = try Self.paths(data)
    let preprocessor = try Preprocessor(.imageNet, size: Extent(8, 12))
    let session = try Session(model: Self.model(), options: SessionOptions(threads: threads))
    let pass = try PicturePass(session, preprocessor, limit: limit, keepsInputs: true, keepsPixels: true)
    var first = 0
    while first < paths.count {
      let part = Array(paths[first..<min(first + pass.stride, paths.count)])
      #expect(part.count <= pass.capacity && pass.capacity <= limit)
      try pass.run(part.count) { (row) throws(ImageError) in
        try PicturePass.input(fromFile: part[row], preprocessor)
      }
      for (row, path) in part.enumerated() {
        let picture = try preprocessor.picture(from: try FileContents.read(path))
        let input = preprocessor.input(from: picture)
        let alone = try session.run(input)
        #expect(pass.failure(row) == nil && !pass.isTurned(row))
        #expect(Array(pass.input(row)) == input && Array(pass.pixels(row)) == picture.rgb)
        #expect(Array(pass.logits(row)) == alone.logits && Array(pass.features(row)) == alone.features)
      }
      first += part.count
    }
    #expect(first == 23)
  }

  @Test func pictureThatFailsHasAnErrorAndTheOthersResults() throws {
    let data = try PictureFolder(classes: 1, perClass: 9)
    let present = try Self.paths(data)
    let paths = present[..<4] + [data.folder.path + "/absent.png"] + present[4...]
    let preprocessor = try Preprocessor(.imageNet, size: Extent(8, 12))
    let session = try Session(model: Self.model())
    let pass = try PicturePass(session, preprocessor)
    try pass.run(10) { (row) throws(ImageError) in
      try PicturePass.input(fromFile: paths[row], preprocessor)
    }
    for row in 0..<10 {
      if row == 4 {
        #expect(pass.failure(row) == .file(.notFound(path: paths[row])))
      } else {
        let picture = try preprocessor.picture(from: try FileContents.read(paths[row]))
        #expect(Array(pass.logits(row)) == (try session.run(preprocessor.input(from: picture)).logits))
      }
    }
    try pass.run(1) { (_) throws(ImageError) in try PicturePass.input(fromFile: paths[0], preprocessor) }
    #expect(pass.failure(0) == nil)
  }

  /// Whatever a pass needs to know of a file, it parses the header once.
  @Test(arguments: ["exif-6.jpg", "exif-8.png", "p6-255.ppm"])
  func parsesAHeaderOnce(_ name: String) throws {
    let path = TestData.fixture("imaging/" + name)
    let session = try Session(model: Self.model(), options: SessionOptions(threads: 1))
    for appliesOrientation in [false, true] {
      let preprocessor = try Preprocessor(
        .imageNet, size: Extent(8, 12), appliesOrientation: appliesOrientation)
      let pass = try PicturePass(session, preprocessor)
      var turned: [Bool] = []
      let work = WorkTally.counting {
        try? pass.run(2) { (_) throws(ImageError) in try PicturePass.input(fromFile: path, preprocessor) }
        turned = [pass.isTurned(0), pass.isTurned(1)]
      }
      #expect(work[.pictureHeader] == 2)
      #expect(turned == Array(repeating: name.hasPrefix("exif"), count: 2))
    }
  }
}
