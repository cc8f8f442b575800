import FixresBase
import FixresIR
import FixresRuntime

/// Compares two models layer by layer. Layers meet by name: a fused layer keeps the name of the last value that it
/// replaces.
public struct ModelComparer {
  private let first: Model
  private let second: Model
  private let options: SessionOptions
  private let session: Session

  /// Plans `first`, so that a model that does not fit in memory is refused before an input for it is made.
  ///
  /// - Throws: `MethodError.differentInputs`, or `runtime` where `first` can't be planned.
  public init(
    _ first: Model, _ second: Model, options: SessionOptions = SessionOptions()
  ) throws(MethodError) {
    guard first.graph.imageInput?.type == second.graph.imageInput?.type else {
      throw .differentInputs(Self.inputType(first), Self.inputType(second))
    }
    (self.first, self.second) = (first, second)
    self.options = options
    session = try Self.session(first, options)
  }

  /// Runs both models on `input` `[C, H, W]`; values of one name and shape are compared.
  ///
  /// - Throws: `MethodError.noCommonLayers`, or `runtime` where a model can't be run.
  public func compare(_ input: [Float], tolerance: Double) throws(MethodError) -> ModelComparison {
    let names = Set(second.graph.nodes.map { second.graph[$0.result].name })
    var values: [String: ReferenceValue] = [:]
    var (faulty, otherFaulty): (String?, String?)
    var (kept, otherKept) = (KeptOutputs(first), KeptOutputs(second))
    try Self.visit(session, input) { name, value in
      kept.take(name, value)
      if faulty == nil, value.elements.firstNonFinite != nil { faulty = name }
      if names.contains(name) { values[name] = value }
    }
    let inputs = Set(first.graph.inputs.map { first.graph[$0].name })
    var layers: [ModelComparison.Layer] = []
    try Self.visit(Self.session(second, options), input) { name, value in
      otherKept.take(name, value)
      if otherFaulty == nil, value.elements.firstNonFinite != nil { otherFaulty = name }
      guard let other = values.removeValue(forKey: name), other.dims == value.dims,
        !inputs.contains(name)
      else { return }
      layers.append(
        ModelComparison.Layer(
          name: name, shape: value.dims, deviation: Deviation(of: value.elements, from: other.elements)))
    }
    guard !layers.isEmpty else { throw .noCommonLayers }
    return ModelComparison(
      layers: layers, tolerance: tolerance, unmatchedCount: second.graph.nodes.count - layers.count,
      sharedOutputs: try kept.beside(runOf: first, input, options, isSecond: false)
        + otherKept.beside(runOf: second, input, options, isSecond: true),
      firstNotFinite: faulty.map { NonFiniteSearch.origin(of: $0, in: first, input) },
      secondNotFinite: otherFaulty.map { NonFiniteSearch.origin(of: $0, in: second, input) })
  }

  private static func inputType(_ model: Model) -> String {
    model.graph.imageInput.map { "\($0.type)" } ?? "none"
  }

  private static func session(_ model: Model, _ options: SessionOptions) throws(MethodError) -> Session {
    var options = options
    options.keepsValues = true
    do { return try Session(model: model, options: options) } catch { throw .runtime(error) }
  }

  private static func visit(
    _ session: Session, _ input: [Float], _ body: (String, ReferenceValue) -> Void
  ) throws(MethodError) {
    do { try session.visitValues(input, batch: 1, body) } catch { throw .runtime(error) }
  }
}
