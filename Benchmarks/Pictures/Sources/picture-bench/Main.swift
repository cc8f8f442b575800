import FixresBase
import FixresIR
import FixresImaging

/// `picture-bench FILE SHORT_SIDE RUNS`: milliseconds of the fastest run, as one JSON object.
@main struct Main {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let side = Int(arguments[2]), let runs = Int(arguments[3]) else {
      print("usage: picture-bench FILE SHORT_SIDE RUNS")
      return
    }
    let bytes = Bytes(try MappedFile.open(arguments[1]).array)
    let clock = ContinuousClock()
    var decoding = Duration.seconds(1000)
    var resizing = Duration.seconds(1000)
    var both = Duration.seconds(1000)
    for _ in 0..<max(runs, 1) {
      let start = clock.now
      let picture = try PictureDecoder.decode(bytes)
      let decoded = clock.now
      let (width, height) = (picture.width, picture.height)
      let size =
        width <= height
        ? Extent(side * height / width, side) : Extent(side, side * width / height)
      _ = try picture.resized(to: size)
      let end = clock.now
      decoding = min(decoding, decoded - start)
      resizing = min(resizing, end - decoded)
      both = min(both, end - start)
    }
    print(
      "{\"decode\": \(milliseconds(decoding)), \"resize\": \(milliseconds(resizing)), \"both\": \(milliseconds(both))}"
    )
  }

  private static func milliseconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) * 1e3 + Double(duration.components.attoseconds) * 1e-15
  }
}
