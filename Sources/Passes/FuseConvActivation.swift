import FixresIR

/// Makes a ReLU that is the only reader of a convolution the convolution's activation.
package struct FuseConvActivation: Pass {
  package let name = "fuse-conv-activation"
  package let summary = "apply a ReLU where the convolution before it writes its result"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    for node in context.rewriter.nodeIDs {
      guard case .conv2d(var conv) = context.rewriter[node].op, conv.activation == .none,
        let relu = context.rewriter.soleUser(of: context.rewriter[node].result),
        case .relu = context.rewriter[relu].op
      else { continue }
      guard context.permitsRewrite() else { return }
      conv.activation = .relu
      let operands = context.rewriter[node].operands
      try context.edit { (rewriter) throws(IRError) in
        try rewriter.update(node, op: .conv2d(conv), operands: operands)
        try rewriter.absorb(relu, into: node)
      }
    }
  }
}
