import FixresIR

/// Whether the batch norms of a model are still separate layers.
package enum BatchNormState: Hashable, Sendable {
  /// All batch norms of the trained network are in the graph.
  case intact(count: Int)
  /// Some were folded; `count` are left.
  case partlyFolded(count: Int)
  /// All were folded into convolutions, so their statistics can no longer be adapted.
  case folded
  /// The network has none.
  case absent

  package init(of model: Model) {
    let nodes = model.graph.nodes
    // One on rows is a head's, and one without an epsilon a plain product and sum, whose statistics no picture gave.
    let norms = nodes.count { node in
      guard case .batchNorm(let norm) = node.op else { return false }
      return norm.epsilon > 0 && model.graph[node.result].type.isImage
    }
    let convolutions = nodes.count { if case .conv2d = $0.op { true } else { false } }
    let biased = nodes.count { if case .conv2d(let conv) = $0.op { conv.hasBias } else { false } }
    let wasFolded = model.metadata.history.contains { $0.action == FoldBatchNorm().name }
    if norms > 0 {
      self = wasFolded ? .partlyFolded(count: norms) : .intact(count: norms)
    } else {
      // A model folded by an exporter has no history, but a bias on every convolution.
      self = wasFolded || (convolutions > 0 && biased == convolutions) ? .folded : .absent
    }
  }
}

/// Whether batch norms of `model` were folded, so that their statistics can no longer be adapted.
package func hasFoldedBatchNorm(_ model: Model) -> Bool {
  switch BatchNormState(of: model) {
  case .folded, .partlyFolded: true
  case .intact, .absent: false
  }
}
