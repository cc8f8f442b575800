import FixresBase
import FixresIR

/// What timm's `config.json` and Hugging Face's `preprocessor_config.json` state about pictures.
extension SourceConfiguration {
  /// Reads timm's data configuration (`timm.data.resolve_data_config`) from `fields`.
  mutating func readTimmPictures(_ fields: ConfigurationReader) throws(ArchitectureError) {
    pictures.trainResolution = try fields.inputSize("input_size")
    let share = try fields.share("crop_pct")
    pictures.cropShare = share
    try readTestCrop(fields, share)
    pictures.mean = try fields.channels("mean", mayBeZero: true)
    pictures.standardDeviation = try fields.channels("std", mayBeZero: false)
    pictures.interpolation = try fields.interpolationName("interpolation")
    switch try fields.string("crop_mode") {
    case nil: break
    case "center": pictures.resize = .init(.shorterSide)
    case "squash": pictures.resize = .init(.squash)
    case "border": pictures.resize = .init(.longerSide)
    case .some(let other):
      throw fields.invalid("crop_mode", "center, squash or border", other)
    }
    customPictures.interpolation = .bicubic
  }

  /// The crop share of timm's test size; other sizes keep `crop_pct`.
  private mutating func readTestCrop(
    _ fields: ConfigurationReader, _ share: Double?
  ) throws(ArchitectureError) {
    let testShare = try fields.share("test_crop_pct")
    guard let test = try fields.inputSize("test_input_size"), test != pictures.trainResolution else {
      if let testShare, testShare != share {
        notes.append(
          "config.json states a second crop share for tests at the size of training, \(testShare): "
            + "--crop-share \(testShare) takes it")
      }
      return
    }
    notes.append("config.json recommends testing at \(test)\(testShare.map { " with crop_pct \($0)" } ?? "")")
    guard let testShare, testShare != share else { return }
    pictures.testCrop = .init(size: test, share: testShare)
  }
}
