/// One of several networks in a file.
package struct NetworkPlace: Hashable, Sendable {
  /// What `--key` takes to choose it.
  package var key: String
  /// Blocks in each stage.
  package var blocks: [Int]

  /// A network under `key`.
  package init(key: String, blocks: [Int]) { (self.key, self.blocks) = (key, blocks) }
}
