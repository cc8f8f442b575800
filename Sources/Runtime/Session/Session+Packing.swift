import FixresBase
import FixresIR

extension Session {
  /// Every layer's packed weights and their elements `[count]`, packed now where they are not yet; none for portable
  /// kernels.
  ///
  /// - Throws: `RuntimeError` where the model's file has changed meanwhile.
  package func residentWeights() throws(RuntimeError) -> [(weights: PackedWeights, elements: Tensor)] {
    try withState { (state) throws(RuntimeError) in state.makeWeightsResident(of: plan).elements }
  }

  /// The weights of `model`, which this session was made of, as its kernels read them: kept in the model's file
  /// (`Model.packedConstants`), they are mapped by a session of it instead of packed. Empty for portable kernels.
  ///
  /// - Throws: `RuntimeError` where the model's file has changed meanwhile.
  package func packedConstants(of model: Model) throws(RuntimeError) -> [PackedConstant] {
    let resident = try residentWeights()
    var known: Set<[UTF8Key]> = []
    return resident.compactMap { weights, elements in
      guard let name = weights.constant, let source = model.constants[name],
        known.insert([UTF8Key(name), UTF8Key(weights.layout.name)]).inserted
      else { return nil }
      return PackedConstant(constant: name, layout: weights.layout.name, elements: elements, source: source)
    }
  }
}
