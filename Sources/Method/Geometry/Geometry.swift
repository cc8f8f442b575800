import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Apparent object sizes in training and at test ("Fixing the train-test resolution discrepancy", section 3).
///
/// An object of real size R at distance Z has the camera-independent size r1 = R/Z; a camera of focal length
/// f = k sqrt(HW) pixels shows it with r = f r1 pixels, and resizing scales that.
package enum Geometry {
  /// RandomResizedCrop's usual range of the area share sigma^2 that a training crop takes.
  package static let usualAreaShare: ClosedRange<Double> = 0.08...1

  /// Focal length in units of sqrt(HW) of a camera with the field of view `degrees`: 1 / (2 tan(half the angle)).
  package static func focalShare(fieldOfView degrees: Double) -> Double {
    1 / (2 * tan(degrees * Double.pi / 360))
  }

  /// F = E[sigma] where sigma^2 is uniform over `areaShare`: (2/3) (b^3 - a^3) / (b^2 - a^2) for the roots a, b.
  package static func sizeFactor(areaShare: ClosedRange<Double> = usualAreaShare) -> Double {
    let (low, high) = (areaShare.lowerBound.squareRoot(), areaShare.upperBound.squareRoot())
    guard high > low else { return high }
    return 2 * (high * high * high - low * low * low) / (3 * (high * high - low * low))
  }

  /// Side to which a picture is resized before a centre crop of `side` (K_img).
  package static func resizeSide(for side: Int, _ preprocessing: Preprocessing = .imageNet) -> Int {
    if let limit = preprocessing.squashFrom, side >= limit { return side }
    return preprocessing.resizeSide(for: side)
  }

  /// Pixels of an object in a training crop of area share `sigma`^2: k K_train r1 / sigma.
  package static func trainedPixels(
    _ trainSide: Int, sigma: Double, focalShare: Double = 1, cameraSize: Double = 1
  ) -> Double {
    focalShare * Double(trainSide) * cameraSize / sigma
  }

  /// Pixels of an object at test, where the picture is resized to `imageSide`: k K_img r1.
  package static func testedPixels(
    imageSide: Int, focalShare: Double = 1, cameraSize: Double = 1
  ) -> Double {
    focalShare * Double(imageSide) * cameraSize
  }

  /// E[r_test / r_train] = F K_img / K_train; 1 where objects look as large at test as in training.
  package static func expectedSizeRatio(
    train: Int, test: Int, preprocessing: Preprocessing = .imageNet, sizeFactor: Double = sizeFactor()
  ) -> Double {
    sizeFactor * Double(resizeSide(for: test, preprocessing)) / Double(train)
  }

  /// What multiplies the test resolution to undo the discrepancy: 1 / (F / cropShare), about 1.25.
  package static func scaleCorrection(
    cropShare: Double = 0.875, sizeFactor: Double = sizeFactor()
  ) -> Double {
    cropShare / sizeFactor
  }

  /// The test resolution at which objects look as large as in training (K_test*), rounded to a pixel.
  package static func matchedTestSide(
    train: Int, cropShare: Double = 0.875, sizeFactor: Double = sizeFactor()
  ) -> Int {
    Int((Double(train) * scaleCorrection(cropShare: cropShare, sizeFactor: sizeFactor)).rounded())
  }

  /// The training resolution whose match is `test`; lower than `test`, so that training is cheaper.
  package static func matchedTrainSide(
    test: Int, cropShare: Double = 0.875, sizeFactor: Double = sizeFactor()
  ) -> Int {
    Int((Double(test) / scaleCorrection(cropShare: cropShare, sizeFactor: sizeFactor)).rounded())
  }

  /// `side` rounded to the nearest multiple of `stride`, at least one.
  package static func aligned(_ side: Int, to stride: Int) -> Int {
    max(1, (side + stride / 2) / stride) * stride
  }
}
