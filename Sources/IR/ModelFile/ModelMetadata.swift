/// What a model knows of itself beside its graph.
public struct ModelMetadata: Hashable, Sendable {
  /// The architecture's name, as `resnet50` or `resnet18 (width 32)`.
  public var architecture: String
  /// The crop that the network was trained on; nil where nobody said.
  public var trainResolution: Extent?
  public var preprocessing: Preprocessing
  /// Class names in the order of the logits; empty where nobody gave any.
  public var labels: [String]
  /// WordNet identifiers in the order of the logits; empty where nobody gave any.
  public var synsets: [String]
  /// Where the weights came from: the kind of file and the wrapper that was taken.
  public var source: String
  /// What the weights could not say and was assumed, a sentence each.
  public var assumptions: [String]
  /// What was done to the model, oldest first.
  public var history: [HistoryEntry]

  public init(
    architecture: String, trainResolution: Extent? = nil, preprocessing: Preprocessing = .imageNet,
    labels: [String] = [], synsets: [String] = [], source: String = "", assumptions: [String] = [],
    history: [HistoryEntry] = []
  ) {
    self.architecture = architecture
    self.trainResolution = trainResolution
    self.preprocessing = preprocessing
    self.labels = labels
    self.synsets = synsets
    self.source = source
    self.assumptions = assumptions
    self.history = history
  }
}

/// One thing that was done to a model, with its parameters in order.
public struct HistoryEntry: Hashable, Sendable {
  public struct Parameter: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A pass's or an adaptation's name, as `fold-batch-norm`.
  public let action: String
  public let parameters: [Parameter]

  public init(_ action: String, _ parameters: [Parameter] = []) {
    self.action = action
    self.parameters = parameters
  }
}
