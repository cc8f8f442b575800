import FixresIR
import FixresImaging
import FixresMethod
import Testing

/// Check values of the paper's section 3, computed independently of this code.
@Suite struct GeometryTests {
  @Test func sizeFactorIsDrawnThroughTheSquare() {
    #expect(abs(Geometry.sizeFactor() - 0.708241) < 1e-6)
    // The area share is uniform, not its root: 0.08 as the least root would give 0.6706.
    #expect(abs(Geometry.sizeFactor(areaShare: 0.0064...1) - 0.6706) < 5e-4)
    #expect(Geometry.sizeFactor(areaShare: 0.25...0.25) == 0.5)
  }

  @Test(arguments: [
    (224, 224, 0.8094), (224, 256, 0.9232), (224, 280, 1.0118), (224, 288, 1.0402), (224, 320, 1.1541),
    (224, 384, 1.3849), (224, 448, 1.6188), (224, 64, 0.2308), (128, 160, 1.0070), (128, 224, 1.4165),
    (160, 224, 1.1332), (176, 224, 1.0302), (331, 480, 1.1726), (32, 40, 0.9960),
  ]) func expectedRatio(train: Int, test: Int, ratio: Double) {
    #expect(abs(Geometry.expectedSizeRatio(train: train, test: test) - ratio) <= 5.1e-5)
  }

  @Test(arguments: [(128, 158, 160), (160, 198, 200), (176, 217, 220), (224, 277, 280)])
  func matchedSides(train: Int, exact: Int, paper: Int) {
    #expect(Geometry.matchedTestSide(train: train) == exact)
    #expect(Int((Double(train) * 1.25).rounded()) == paper)
    #expect(abs(Geometry.matchedTrainSide(test: exact) - train) <= 1)
  }

  @Test func correctionAndMargins() {
    #expect(abs(Geometry.scaleCorrection() - 1.23546) < 1e-5)
    #expect(abs(1 / Geometry.scaleCorrection() - 0.809418) <= 1.1e-6)
    #expect(abs(Geometry.scaleCorrection(cropShare: 1) - 1.412) < 5e-4)
    // Without a resize margin objects match at 1.412 K_train; a margin rounded to 1.15 gives 0.81448.
    #expect(Geometry.matchedTestSide(train: 1000, cropShare: 1) == 1412)
    #expect(abs(1 / Geometry.scaleCorrection(cropShare: 1 / 1.15) - 0.81448) < 1e-5)
    #expect(Geometry.aligned(277, to: 32) == 288)
    #expect(Geometry.aligned(3, to: 32) == 32)
  }

  @Test func cameraModel() {
    // r_test / r_train = sigma K_img / K_train, whatever the camera and the object.
    let ratio =
      Geometry.testedPixels(imageSide: 256, focalShare: 0.9, cameraSize: 0.3)
      / Geometry.trainedPixels(224, sigma: 0.7, focalShare: 0.9, cameraSize: 0.3)
    #expect(abs(ratio - 0.7 * 256 / 224) < 1e-12)
    #expect(abs(Geometry.focalShare(fieldOfView: 53.13010235415598) - 1) < 1e-12)
  }

  @Test(arguments: [
    (32, 36), (40, 45), (64, 73), (96, 109), (112, 128), (128, 146), (160, 182), (176, 201), (192, 219),
    (224, 256), (256, 292), (288, 329), (320, 365), (331, 378), (352, 402), (384, 438), (448, 512),
    (480, 548), (600, 685),
  ]) func resizeSides(side: Int, image: Int) {
    #expect(Geometry.resizeSide(for: side) == image)
  }

  /// (n - K) / 2 at odd gaps: half to even, torchvision's rule and not its older int((n - K + 1) / 2).
  @Test(arguments: [(64, 4), (176, 12), (192, 14), (288, 20), (320, 22), (331, 24)])
  func cropOriginAtOddGaps(side: Int, origin: Int) throws {
    let image = Geometry.resizeSide(for: side)
    #expect((image - side) % 2 == 1)
    let geometry = try PictureGeometry(.imageNet, source: Extent(square: image), crop: Extent(square: side))
    #expect(geometry.resized == Extent(square: image) && geometry.top == origin && geometry.left == origin)
  }

  @Test func resizeSideIsTheIntegerQuotient() {
    for side in 1...1024 {
      #expect(Geometry.resizeSide(for: side) == 256 * side / 224)
      #expect(Geometry.resizeSide(for: side) == Int(256.0 / 224 * Double(side)))
    }
    var squashing = Preprocessing.imageNet
    squashing.squashFrom = 384
    #expect(Geometry.resizeSide(for: 384, squashing) == 384)
  }
}
