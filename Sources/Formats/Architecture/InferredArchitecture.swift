/// A network read off names and shapes, with the assumptions behind it.
package struct InferredArchitecture: Sendable {
  /// The network.
  package var description: ArchitectureDescription
  /// Name (torchvision's) and shape of every parameter, in the order of the network's layers.
  package var parameters: [(name: String, shape: [Int])]
  /// Names, as the file has them, of tensors that the network does not use.
  package var ignored: [String]
  /// Facts that weights cannot tell and nothing else stated, a sentence each.
  package var assumed: [String]
}
