/// A network read off names and shapes, and what had to be taken for granted.
package struct InferredArchitecture: Sendable {
  package var description: ArchitectureDescription
  /// Every parameter by torchvision's name, in the order of the network.
  package var parameters: [(name: String, shape: [Int])]
  /// The file's names that the network has no use for.
  package var ignored: [String]
  package var assumed: [String]
}
