import FixresBase
import FixresIR

/// Computes what depends only on constants and attributes.
///
/// - an element-wise node over constants becomes a constant (exporters leave such nodes between weights and layers);
/// - two successive batch norms that cannot be folded into a convolution become one;
/// - a batch norm before the global average, flatten and classifier is multiplied into the classifier, since a
///   mean and a per-channel affine map commute;
/// - two channel pads, two strided slices, or two scalar affine maps of which the second cannot undo the first's
///   clamp, become one.
package struct FoldConstants: Pass {
  package let name = "fold-constants"
  package let summary = "compute what depends on constants alone; merge chains of affine, pad and slice nodes"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    for node in context.rewriter.nodeIDs {
      guard try foldElementwise(node, &context), try mergeAttributes(node, &context),
        try mergeBatchNorms(node, &context), try foldIntoClassifier(node, &context)
      else { return }
    }
  }

  /// False, as each of these four, once no further rewrite is permitted.
  private func foldElementwise(_ node: NodeID, _ context: inout PassContext) throws(PassError) -> Bool {
    let (op, operands) = (context.rewriter[node].op, context.rewriter[node].operands)
    let sources = operands.compactMap { context.tensor(of: $0) }
    let byteCount = context.rewriter[context.rewriter[node].result].type.byteCount
    guard sources.count == operands.count, ElementwiseConstant.covers(op),
      context.permitsOwning([], of: node, more: byteCount)
    else { return true }
    // Copies of the operands and of the result.
    let needed = byteCount.multipliedSaturated(4)
    guard AddressSpace.allows(needed) else { throw .outOfMemory(byteCount: needed) }
    guard
      let value = ElementwiseConstant.evaluate(op, sources)
    else {
      return true
    }
    guard context.permitsRewrite() else { return false }
    let name = context.rewriter[context.rewriter[node].result].name
    try context.edit { (rewriter) throws(IRError) in
      let constant = try rewriter.addConstant(rewriter.freeName(name), shape: value.shape)
      rewriter.replaceUses(of: rewriter[node].result, with: constant)
      rewriter.erase(node)
      try rewriter.rename(constant, to: name)
    }
    context.constants[name] = value
    context.eraseUnread(operands)
    return true
  }

  /// Merges `node` with the node before it where both have the same operation and the first has no other reader.
  private func mergeAttributes(_ node: NodeID, _ context: inout PassContext) throws(PassError) -> Bool {
    let operand = context.rewriter[node].operands[0]
    guard let first = context.rewriter.producer(of: operand),
      context.rewriter.soleUser(of: operand) == node,
      let merged = Self.merged(context.rewriter[first].op, context.rewriter[node].op)
    else { return true }
    guard context.permitsRewrite() else { return false }
    let source = context.rewriter[first].operands
    try context.edit { (rewriter) throws(IRError) in
      try rewriter.update(node, op: merged, operands: source)
      rewriter.erase(first)
    }
    return true
  }

  /// The operation that computes `first`, then `second`; nil where there is none.
  static func merged(_ first: Op, _ second: Op) -> Op? {
    if case (.channelPad(let a), .channelPad(let b)) = (first, second) { return merged(a, b) }
    if case (.stridedSlice(let a), .stridedSlice(let b)) = (first, second) { return merged(a, b) }
    if case (.scalarAffineClamp(let a), .scalarAffineClamp(let b)) = (first, second) { return merged(a, b) }
    return nil
  }

  private static func merged(_ a: ChannelPad, _ b: ChannelPad) -> Op? {
    let pad = ChannelPad(before: a.before + b.before, after: a.after + b.after)
    return max(pad.before, pad.after) <= maximumAttribute ? .channelPad(pad) : nil
  }

  private static func merged(_ a: StridedSlice, _ b: StridedSlice) -> Op? {
    let strides = Extent(a.strides.height * b.strides.height, a.strides.width * b.strides.width)
    guard max(strides.height, strides.width) <= maximumAttribute else { return nil }
    return .stridedSlice(StridedSlice(strides: strides))
  }

  private static func merged(_ a: ScalarAffineClamp, _ b: ScalarAffineClamp) -> Op? {
    // What the first clamps to 0 the second leaves at 0; the merged map must not lift it again.
    guard a.scale > 0, b.scale > 0, a.offset >= 0 || b.offset <= 0 else { return nil }
    let scale = Float(Double(a.scale) * Double(b.scale))
    let offset = Float(Double(b.scale) * Double(a.offset) + Double(b.offset))
    guard scale.isFinite, offset.isFinite else { return nil }
    return .scalarAffineClamp(ScalarAffineClamp(scale: scale, offset: offset))
  }
}
