import FixresBase
import FixresIR

extension Session {
  /// The weights of `model`, which this session was made of, as its kernels read them: kept in the model's file
  /// (`Model.packedConstants`), they are mapped by a session of it instead of packed. Empty for portable kernels.
  package func packedConstants(of model: Model) -> [PackedConstant] {
    engine.withLock { $0.packWeights(plan) }
    var known: Set<[UTF8Key]> = []
    return plan.weights.compactMap { weights in
      guard let name = weights.constant, let source = model.constants[name],
        known.insert([UTF8Key(name), UTF8Key(weights.layout)]).inserted
      else { return nil }
      return PackedConstant(
        constant: name, layout: weights.layout, elements: weights.elements, source: source)
    }
  }
}
