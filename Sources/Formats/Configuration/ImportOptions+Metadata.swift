import FixresIR

/// Pictures and labels of a model: options first, then `config.json`, then the usual values of ImageNet.
extension ImportOptions {
  /// The facts of the pictures that a network takes.
  ///
  /// - Parameter stated: Statements stronger than the configuration's, such as a program's, the weakest first.
  /// - Throws: `ArchitectureError.invalidOption` where an option does not fit the network's channels or size.
  package func pictures(
    _ configuration: SourceConfiguration?, stated: [PictureStatement] = [], network: PictureFacts.Network
  ) throws(ArchitectureError) -> PictureFacts {
    try PictureFacts(
      self, stated: (configuration.map { [$0.customPictures, $0.pictures] } ?? []) + stated, network: network)
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
