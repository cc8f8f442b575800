import FixresIR
import FixresRuntime

/// A model's outputs from a session that keeps every value, to be compared with those of an ordinary one.
struct KeptOutputs {
  /// The outputs in the order in which a run gives them: logits, features.
  private var outputs: [(output: String, name: String, value: ReferenceValue?)]

  init(_ model: Model) {
    outputs = [GraphOutput.logits, GraphOutput.features].compactMap { output in
      model.graph.output(output).map { (output, model.graph[$0].name, nil) }
    }
  }

  /// Keeps `value` where it is an output's.
  mutating func take(_ name: String, _ value: ReferenceValue) {
    for index in outputs.indices where outputs[index].name.utf8.elementsEqual(name.utf8) {
      outputs[index].value = value
    }
  }

  /// Runs `model`, its values sharing memory, and sets the outputs beside the kept ones.
  ///
  /// - Throws: `MethodError.runtime`.
  func beside(
    runOf model: Model, _ input: [Float], _ options: SessionOptions, isSecond: Bool
  ) throws(MethodError) -> [ModelComparison.SharedOutput] {
    let found: Session.Output
    do {
      let session = try Session(model: model, options: options)
      found = try session.run(input)
    } catch { throw .runtime(error) }
    return outputs.compactMap { output, name, value in
      guard let value else { return nil }
      let elements = output == GraphOutput.logits ? found.logits : found.features
      let isSame =
        elements.count == value.elements.count
        && zip(elements, value.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
      // Numbers that are not finite are no distance apart where they are the same bits.
      let deviation = Deviation(of: isSame ? [] : elements, from: isSame ? [] : value.elements)
      return ModelComparison.SharedOutput(
        isSecond: isSecond,
        layer: ModelComparison.Layer(name: name, shape: value.dims, deviation: deviation))
    }
  }
}
