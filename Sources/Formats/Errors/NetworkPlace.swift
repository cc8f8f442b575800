/// One of several networks in a file.
package struct NetworkPlace: Hashable, Sendable {
  /// What `--key` takes to choose it.
  package var key: String
  /// Blocks in each stage.
  package var blocks: [Int]
}
