import FixresIR

/// Preprocessing and labels of a model: options first, then `config.json`, then the usual values of ImageNet.
extension ImportOptions {
  /// The preprocessing, with every default that is used appended to `assumed`; `isSmall` networks (CIFAR)
  /// crop nothing.
  func preprocessing(
    _ configuration: SourceConfiguration?, isSmall: Bool = false, assumed: inout [String]
  ) -> Preprocessing {
    var result = Preprocessing.imageNet
    let said = configuration?.preprocessing
    if isSmall { result.cropShare = 1 }
    if let share = said?.cropShare { result.cropShare = share }
    if let rule = said?.resizeRule { result.resizeRule = rule }
    if let filter = said?.interpolation { result.interpolation = filter }
    result.squashFrom = said?.squashFrom
    if said?.cropShare == nil || said?.interpolation == nil {
      assumed.append(
        isSmall
          ? "pictures: shorter side to the crop's own side, \(result.interpolation.rawValue), centre crop"
          : "pictures: shorter side to 256/224 of the crop, \(result.interpolation.rawValue), centre crop")
    }
    if let mean = mean ?? said?.mean {
      result.mean = mean
    } else {
      assumed.append("mean 0.485, 0.456, 0.406 (ImageNet's)")
    }
    if let std = standardDeviation ?? said?.standardDeviation {
      result.standardDeviation = std
    } else {
      assumed.append("standard deviation 0.229, 0.224, 0.225 (ImageNet's)")
    }
    return result
  }

  /// The names of `classes` classes and their WordNet synsets, both empty where nothing states them.
  ///
  /// - Throws: `FormatError`, for a label file that cannot be read.
  func labels(
    _ configuration: SourceConfiguration?, classes: Int, notes: inout [String]
  ) throws(FormatError) -> (labels: [String], synsets: [String]) {
    if let path = labels { return try LabelFile.read(path, classes: classes) }
    guard let configuration, !configuration.labels.isEmpty else { return ([], []) }
    guard configuration.labels.count == classes else {
      notes.append(
        "config.json names \(configuration.labels.count) classes and the classifier has \(classes): "
          + "its labels are not used")
      return ([], [])
    }
    return (configuration.labels, configuration.synsets)
  }
}
