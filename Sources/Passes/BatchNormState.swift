import FixresIR

/// How far the batch norms of a model are still their own layers.
package enum BatchNormState: Hashable, Sendable {
  /// All that the network was trained with are in the graph.
  case intact(count: Int)
  /// Some were folded, `count` are left.
  case partlyFolded(count: Int)
  /// All were folded into convolutions, so that their statistics can't be adapted any more.
  case folded
  /// The network never had any.
  case absent

  package init(of model: Model) {
    var norms = 0
    var convolutions = 0
    var biased = 0
    for node in model.graph.nodes {
      switch node.op {
      case .batchNorm: norms += 1
      case .conv2d(let conv):
        convolutions += 1
        if conv.hasBias { biased += 1 }
      default: break
      }
    }
    let wasFolded = model.metadata.history.contains { $0.action == FoldBatchNorm().name }
    if norms > 0 {
      self = wasFolded ? .partlyFolded(count: norms) : .intact(count: norms)
    } else {
      // An exporter that folded leaves no history, but a bias on every convolution.
      self = wasFolded || (convolutions > 0 && biased == convolutions) ? .folded : .absent
    }
  }
}

/// Whether the batch norms of `model` were folded, wholly or in part, so that they can't be adapted any more.
package func hasFoldedBatchNorm(_ model: Model) -> Bool {
  switch BatchNormState(of: model) {
  case .folded, .partlyFolded: true
  case .intact, .absent: false
  }
}
