import FixresIR

/// Removes nodes that change nothing and gives each computation one form.
///
/// Unread nodes are removed first: a dead reader of a convolution would keep its batch norm from being folded. Only
/// rewrites that hold at every resolution are done: the global pool of a map of one pixel stays, since the model may be
/// adapted to another size later.
package struct Canonicalize: Pass {
  package let name = "canonicalize"
  package let summary =
    "remove identity, dropout and other nodes that change nothing; make whole-map pools global"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    guard context.eraseUnreadNodes() else { return }
    for node in context.rewriter.nodeIDs where changesNothing(node, in: context.rewriter) {
      guard context.permitsRewrite() else { return }
      context.rewriter.bypass(node)
    }
    _ = try WholeMapPool.makeGlobal(in: &context)
  }

  private func changesNothing(_ node: NodeID, in rewriter: Rewriter) -> Bool {
    let operand = rewriter[node].operands[0]
    switch rewriter[node].op {
    case .identity, .dropout: return true
    case .flatten: return rewriter[operand].type.dims.count == 1
    case .relu: return isNeverNegative(operand, in: rewriter)
    case .maxPool(let pool): return isSinglePixel(pool.window)
    case .averagePool(let pool): return isSinglePixel(pool.window)
    case .channelPad(let pad): return pad.before == 0 && pad.after == 0
    case .stridedSlice(let slice): return slice.strides == Extent(1, 1)
    case .conv2d, .batchNorm, .add, .globalAveragePool, .globalMaxPool, .linear, .sigmoid, .channelMultiply,
      .softmax, .scalarAffineClamp:
      return false
    }
  }

  private func isSinglePixel(_ window: Window) -> Bool {
    window.kernel == Extent(1, 1) && window.strides == Extent(1, 1) && window.padding.isZero
  }

  /// Whether `value` holds nothing below zero, seen through what only moves, averages or chooses values.
  private func isNeverNegative(_ value: ValueID, in rewriter: Rewriter) -> Bool {
    var value = value
    while let producer = rewriter.producer(of: value) {
      switch rewriter[producer].op {
      case .relu, .sigmoid, .softmax, .scalarAffineClamp: return true
      case .conv2d(let conv): return conv.activation == .relu
      case .identity, .dropout, .flatten, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool,
        .stridedSlice, .channelPad:
        value = rewriter[producer].operands[0]
      case .batchNorm, .add, .linear, .channelMultiply: return false
      }
    }
    return false
  }
}
