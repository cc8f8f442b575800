/// A network read off names and shapes, before facts that they do not tell are settled.
package struct InferredArchitecture: Sendable {
  /// The network, with the family's usual values of what weights do not tell; strides are 1 until they are settled.
  package var description: ArchitectureDescription
  /// The family of names that the file uses.
  package var naming: TensorNaming
  /// True where no block has weights in its shortcut.
  package var isFree: Bool
  /// True where the file holds `input.mean` and `input.std`.
  package var hasInputNormalisation: Bool
  /// True where the file holds the exponent of a generalised mean.
  package var hasPoolExponent: Bool
  /// torchvision-like name of that exponent.
  static let poolExponent = "pool.p"
  /// Name (torchvision's) and shape of every parameter, in the order of the network's layers.
  package var parameters: [(name: String, shape: [Int])]
  /// Names, as the file has them, of tensors that the network does not use.
  package var ignored: [String]
}
