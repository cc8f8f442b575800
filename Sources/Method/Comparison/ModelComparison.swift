import FixresIR
import FixresRuntime

/// Two models compared layer by layer on one input, or two rows of logits.
public struct ModelComparison: Sendable {
  /// One layer that both models have.
  public struct Layer: Hashable, Sendable {
    /// The name of the value that the layer computes.
    public let name: String
    /// The value's shape, `[1, C, H, W]` or `[1, N]`.
    public let shape: [Int]
    /// How far the second model's value is from the first one's.
    public let deviation: Deviation
  }

  /// An output of one of the models as a run gives it, where values share memory, beside the same model's value where
  /// every value keeps memory of its own. Both are the same bits.
  public struct SharedOutput: Hashable, Sendable {
    /// Whether it is the second model's.
    public let isSecond: Bool
    /// Its name and shape, and how far the run's is from the kept one.
    public let layer: Layer
  }

  /// The layers in the second model's execution order.
  public let layers: [Layer]
  /// A layer departs where its difference exceeds this share of its magnitude.
  public let tolerance: Double
  /// Layers of the second model that have no counterpart in the first.
  public let unmatchedCount: Int
  /// The outputs of both models as runs give them.
  public let sharedOutputs: [SharedOutput]
  /// Where the first model's numbers stop being finite; nil where all are.
  public let firstNotFinite: NonFiniteOrigin?
  /// Where the second model's numbers stop being finite; nil where all are.
  public let secondNotFinite: NonFiniteOrigin?

  init(
    layers: [Layer], tolerance: Double, unmatchedCount: Int, sharedOutputs: [SharedOutput] = [],
    firstNotFinite: NonFiniteOrigin? = nil,
    secondNotFinite: NonFiniteOrigin? = nil
  ) {
    (self.layers, self.tolerance, self.unmatchedCount) = (layers, tolerance, unmatchedCount)
    self.sharedOutputs = sharedOutputs
    (self.firstNotFinite, self.secondNotFinite) = (firstNotFinite, secondNotFinite)
  }

  /// Compares `logits` `[classes]` of `model`'s classes with `reference`.
  public init(logits: [Float], of model: Model, reference: [Float], tolerance: Double) {
    let name = model.graph.output(GraphOutput.logits).map { model.graph[$0].name } ?? GraphOutput.logits
    let layer = Layer(
      name: name, shape: [reference.count], deviation: Deviation(of: logits, from: reference))
    self.init(layers: [layer], tolerance: tolerance, unmatchedCount: 0)
  }

  /// Whether `layer` differs by more than the tolerance.
  public func departs(_ layer: Layer) -> Bool {
    !(Double(layer.deviation.difference) <= tolerance * Double(layer.deviation.magnitude))
  }

  /// The first output that sharing memory changes; nil where none is, as has to be.
  public var sharingFault: SharedOutput? { sharedOutputs.first { $0.layer.deviation.difference > 0 } }

  /// The first layer that departs; nil where none does.
  public var firstDeparture: Layer? { layers.first(where: departs) }
}
