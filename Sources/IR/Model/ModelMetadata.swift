/// What is known about a model beside its graph.
public struct ModelMetadata: Hashable, Sendable {
  /// Name of the architecture, such as `resnet50` or `resnet18 (width 32)`.
  public var architecture: String
  /// Size of the crops that the network was trained on; nil where unknown.
  public var trainResolution: Extent?
  /// How a picture becomes the input.
  public var preprocessing: Preprocessing
  /// Class names in the order of the logits; empty where unknown.
  public var labels: [String]
  /// WordNet identifiers in the order of the logits; empty where unknown.
  public var synsets: [String]
  /// Origin of the weights: the kind of file and the wrapper inside it.
  public var source: String
  /// Assumptions made at import, a sentence each.
  public var assumptions: [String]
  /// What is known about the network, its outputs and its pictures, each with its source; empty for a file of an
  /// earlier release.
  public var facts: [Fact] = []
  /// What the numbers of the last layer mean.
  public var outputs = OutputMeaning.logits
  /// What references have shown; nil where the model was checked against none.
  public var verified: Verification?
  /// What was done to the model, oldest first.
  public var history: [HistoryEntry]

  /// Metadata of the given values.
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

/// A pass or an adaptation that was applied to a model, with its parameters.
public struct HistoryEntry: Hashable, Sendable {
  /// A named parameter.
  public struct Parameter: Hashable, Sendable {
    /// Name, such as `to`.
    public let name: String
    /// Value as text, such as `384`.
    public let value: String

    /// A parameter `name` of `value`.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Name of the pass or adaptation, such as `fold-batch-norm`.
  public let action: String
  /// The parameters in order.
  public let parameters: [Parameter]

  /// An entry of `action` with `parameters`.
  public init(_ action: String, _ parameters: [Parameter] = []) {
    self.action = action
    self.parameters = parameters
  }
}
