import FixresBase

/// `class <i>/picture <j>.ppm` with seeded noise in a folder of its own.
package struct PictureFolder {
  package let folder: TemporaryFolder

  package init(classes: Int, perClass: Int, seed: UInt64 = 3) throws {
    folder = try TemporaryFolder()
    var random = SeededRandom(seed: seed)
    for index in 0..<classes {
      let path = folder.makeFolder("class \(index)")
      for number in 0..<perClass {
        let (width, height) = (random.nextInt(in: 20..<40), random.nextInt(in: 20..<40))
        var bytes = Array("P6 \(width) \(height) 255\n".utf8)
        for _ in 0..<3 * width * height { bytes.append(UInt8(truncatingIfNeeded: random.next() >> 40)) }
        try AtomicFileWriter.write(bytes, to: "\(path)/picture \(number < 10 ? "0" : "")\(number).ppm")
      }
    }
  }
}
