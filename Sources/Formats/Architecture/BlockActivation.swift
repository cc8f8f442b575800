/// The functions of a network: the one behind stem and blocks, and the one between the convolutions of a block.
///
/// Hugging Face's `hidden_act` is the first; its blocks have ReLU inside whatever it says.
package struct BlockActivation: FactValue {
  /// The function behind the stem and behind each block's sum.
  package var function: ActivationFunction
  /// The function inside blocks; nil for what the family of names has there: usually the same.
  package var inner: ActivationFunction?

  /// `function` everywhere, or `inner` inside blocks.
  package init(_ function: ActivationFunction, inner: ActivationFunction? = nil) {
    self.function = function
    self.inner = inner
  }

  package static let forms = ActivationFunction.forms + ["FUNCTION/INNER"]

  package init?(text: String) {
    let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard let function = parts.first.flatMap({ ActivationFunction(text: String($0)) }) else { return nil }
    guard parts.count < 3 else { return nil }
    guard parts.count == 2 else {
      self.init(function)
      return
    }
    guard let inner = ActivationFunction(text: String(parts[1])) else { return nil }
    self.init(function, inner: inner)
  }

  package var text: String { function.text + (inner.map { "/" + $0.text } ?? "") }

  /// The shorter form of one function everywhere.
  package var normalised: BlockActivation { inner == function ? BlockActivation(function) : self }

  /// The same with the function inside blocks that the family `naming` has, where nothing states one.
  func settled(for naming: TensorNaming) -> BlockActivation {
    guard inner == nil, naming == .huggingFace, function != .relu else { return self }
    return BlockActivation(function, inner: .relu)
  }
}
