import FixresFormats
import FixresIR

/// The facts of a network that its checkpoint leaves open, and the networks that they give.
package struct NetworkHypotheses: Sendable {
  let facts: [OpenFact]
  let axes: [HypothesisSearch.Axis]
  /// Whether the file leaves open what the outputs mean.
  let leavesOutputsOpen: Bool
  private let source: ImportResult
  private let overlay: Constants?

  /// Facts that act on the sizes of the same maps.
  private static let geometry: Set<NetworkFact.Name> = [
    .strides, .dilations, .strideOn, .stemStride, .stemPool, .antiAlias,
  ]

  /// The open facts of `source`; `overlay` holds constants that replace the checkpoint's own.
  package init(_ source: ImportResult, overlay: Constants? = nil) {
    (self.source, self.overlay) = (source, overlay)
    // What the outputs mean changes no score; the form of the reference tells it.
    facts = source.openFacts.filter { $0.name != .outputs && $0.values.count > 1 }
    leavesOutputsOpen = source.openFacts.contains { $0.name == .outputs }
    axes = facts.map { fact in
      HypothesisSearch.Axis(
        fact.name.rawValue, fact.values.map(\.text), isGraded: fact.name == .batchNormEpsilon,
        group: Self.geometry.contains(fact.name) ? 0 : nil)
    }
  }

  /// Whether the file leaves nothing open.
  package var isEmpty: Bool { facts.isEmpty }

  /// The facts of `hypothesis` that are not as assumed.
  func facts(_ hypothesis: HypothesisSearch.Hypothesis) -> [NetworkFact] {
    hypothesis.deviations.map { facts[$0].values[hypothesis.choices[$0]] }
  }

  /// The network of `hypothesis` at `size`; nil where there is none.
  func model(_ hypothesis: HypothesisSearch.Hypothesis, at size: Extent) -> Model? {
    guard let model = try? source.rebuilt(stating: facts(hypothesis), at: size).model else { return nil }
    return overlaid(model)
  }

  /// The checkpoint where a reference states `facts`.
  ///
  /// - Throws: `MethodError.checkpoint`, what building the network refuses.
  package func result(stating facts: [NetworkFact]) throws(MethodError) -> ImportResult {
    var result: ImportResult
    do { result = try source.rebuilt(stating: facts) } catch { throw .checkpoint(CheckpointError(error)) }
    if overlay != nil { result.model = overlaid(result.model) ?? result.model }
    return result
  }

  private func overlaid(_ model: Model) -> Model? {
    guard let overlay else { return model }
    var constants = model.constants
    for name in overlay.names where constants[name]?.shape == overlay[name]?.shape {
      constants[name] = overlay[name]
    }
    return try? Model(graph: model.graph, constants: constants, metadata: model.metadata)
  }
}

extension ReferenceMisfit {
  /// The nearest of what `search` tried for `trial`.
  init(_ search: HypothesisSearch, of trial: ReferenceTrial) {
    let nearest = search.nearest
    self.init(
      name: trial.pair.name, difference: search.differences[nearest] ?? .infinity,
      tolerance: ReferenceTrial.rounding)
    (self.nearest, tried) = (search.axes.isEmpty ? "" : search.text(nearest), search.differences.count)
    isCutShort = search.isCutShort
    storage = trial.outputs.precision.name
    facts = search.axes.indices.map { axis in
      let values = search.axes[axis].values.indices.map { value in
        let differences = search.differences.filter { $0.key.choices[axis] == value }.values
        return FactDistance.Value(
          value: search.axes[axis].values[value], difference: differences.min() ?? .infinity)
      }
      return FactDistance(
        name: search.axes[axis].name, values: Array(values.sorted { $0.difference < $1.difference }.prefix(3))
      )
    }
  }
}

extension HypothesisSearch {
  /// `activation=silu, strides=1,2,2,1`: what is not as assumed.
  func text(_ hypothesis: Hypothesis) -> String {
    let changed = hypothesis.deviations.map { text($0, hypothesis.choices[$0]) }
    return changed.isEmpty ? "all facts as assumed" : changed.joined(separator: ", ")
  }

  /// `activation=silu`
  func text(_ axis: Int, _ choice: Int) -> String { "\(axes[axis].name)=\(axes[axis].values[choice])" }
}
