import FixresIR

/// Facts about a checkpoint that the caller states; nil: not stated.
public struct ImportOptions: Hashable, Sendable {
  /// A network's name, which the weights must agree with; settles which convolution has the stride.
  public var architecture: String?
  /// Name of the output of an ONNX graph that is compiled; nil: chosen by what its nodes compute.
  public var graphOutput: String?
  /// The dotted path of the nested dictionary to read, or a prefix of names.
  public var key: String?
  /// Patterns of tensors' names that are left out although nothing explains them; `*` stands for any text.
  public var ignore: [String] = []
  /// Epsilon of every batch norm, in (0, 1).
  public var batchNormEpsilon: Double?
  /// Facts of the network.
  package var network: [NetworkFact] = []
  /// What the network's scores mean.
  public var outputs: OutputMeaning?
  /// Path of a second checkpoint, whose batch norms and classifier replace those of the first.
  public var finetuned: String?
  /// Path of a text file with one class name a line.
  public var labels: String?
  /// Size of the training images, in pixels.
  public var trainResolution: Extent?
  /// The library whose way of resizing is taken.
  public var preset: PicturePreset?
  /// Side that pictures are resized to for a crop of `resizeSideAt`, and in proportion for others.
  public var resizeSide: Int?
  /// The crop that `resizeSide` is for; nil: the size of training, or a stored model's own.
  public var resizeSideAt: Extent?
  /// Side of the crop as a share of the resized side, in (0, 1], at every size.
  public var cropShare: Double?
  /// The resampling filter.
  public var interpolation: Preprocessing.Interpolation?
  /// Order of the colours in the input.
  public var channelOrder: Preprocessing.ChannelOrder?
  /// Scale of the values before the mean is subtracted.
  public var inputScale: Preprocessing.InputScale?
  /// Mean of each channel of the input, on its scale; one number stands for all channels.
  public var mean: [Float]?
  /// Standard deviation of each channel, likewise.
  public var standardDeviation: [Float]?

  /// Creates options that state nothing.
  public init() {}

  /// States facts of the network: `FACT=VALUE[,FACT=VALUE...]`, such as `activation=silu,strides=1,2,2,1`, with the names
  /// that `metadata.facts` has.
  ///
  /// - Throws: `unknownFact` or `invalidFact`, with the names and forms that there are.
  public mutating func state(_ facts: String) throws(ArchitectureError) {
    network += try NetworkFact.list(parsing: facts)
  }

  /// The stated options that only a checkpoint can use, by their names on the command line.
  var checkpointOnly: [String] {
    [
      architecture == nil ? nil : "--arch", key == nil ? nil : "--key",
      ignore.isEmpty ? nil : "--ignore",
      batchNormEpsilon == nil ? nil : "--bn-eps", network.isEmpty ? nil : "--network",
    ].compactMap { $0 }
  }

  /// Checks the ranges of all numbers.
  ///
  /// - Throws: `ArchitectureError.invalidOption`.
  func validate() throws(ArchitectureError) {
    if let epsilon = batchNormEpsilon, !(epsilon > 0 && epsilon < 1) {
      throw .invalidOption(name: "--bn-eps", expected: "a number between 0 and 1", found: "\(epsilon)")
    }
    if let size = trainResolution,
      !(1...32768).contains(size.height) || !(1...32768).contains(size.width)
    {
      throw .invalidOption(name: "--train-resolution", expected: "a side of 1 to 32768", found: "\(size)")
    }
    if let share = cropShare, !(share >= 1e-3 && share <= 1) {
      throw .invalidOption(name: "--crop-share", expected: "a number from 0.001 to 1", found: "\(share)")
    }
    if let side = resizeSide, !(1...32768).contains(side) {
      throw .invalidOption(name: "--resize-side", expected: "a side of 1 to 32768", found: "\(side)")
    }
    let counts = [1, 3, 4]
    if let mean, !counts.contains(mean.count) || !mean.allSatisfy(\.isFinite) {
      throw .invalidOption(name: "--mean", expected: "1, 3 or 4 numbers", found: Self.list(mean))
    }
    if let std = standardDeviation, !counts.contains(std.count) || !std.allSatisfy({ $0.isFinite && $0 > 0 })
    {
      throw .invalidOption(name: "--std", expected: "1, 3 or 4 positive numbers", found: Self.list(std))
    }
  }

  /// What the options for single facts of pictures state, without `preset` and `resizeSide`.
  var pictureStatement: PictureStatement {
    var statement = PictureStatement(.option)
    statement.trainResolution = trainResolution
    statement.cropShare = cropShare
    statement.interpolation = interpolation
    statement.channelOrder = channelOrder
    statement.inputScale = inputScale
    statement.mean = mean
    statement.standardDeviation = standardDeviation
    return statement
  }

  private static func list(_ numbers: [Float]) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }
}
