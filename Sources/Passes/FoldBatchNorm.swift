import FixresIR

/// Multiplies a batch norm into the convolution before it, whose only reader it is: `w' = w s`,
/// `b' = b s + shift - mean s` with `s = scale / sqrt(variance + epsilon)`, in double, rounded once.
///
/// A batch norm after anything else stays, and so does one whose convolution has another reader.
package struct FoldBatchNorm: Pass {
  package let name = "fold-batch-norm"
  package let summary = "multiply batch norms into the weights and biases of the convolutions before them"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    var folds: [Fold] = []
    var foldOfConvolution: [NodeID: Int] = [:]
    for node in context.rewriter.nodeIDs {
      guard case .batchNorm = context.rewriter[node].op,
        let (convNode, conv) = context.rewriter.convolution(
          givingOnly: context.rewriter[node].operands[0]),
        !conv.hasResidual, conv.activation == .none, let map = try ChannelAffine.make(of: node, &context)
      else { continue }
      let layer = context.rewriter[context.rewriter[node].result].name
      if let index = foldOfConvolution[convNode] {
        guard context.permitsRewrite() else { break }
        folds[index].map = folds[index].map.followed(by: map)
        folds[index].layer = layer
        try context.edit { (rewriter) throws(IRError) in try rewriter.absorb(node, into: convNode) }
      } else if let source = source(of: convNode, conv, context) {
        guard permitsOwning(convNode, conv, &context) else { continue }
        guard context.permitsRewrite() else { break }
        foldOfConvolution[convNode] = folds.count
        folds.append(
          try rewrite(convNode, conv, absorbing: node, source: source, map: map, layer: layer, &context))
      }
    }
    let results = try Self.fold(folds)
    for (fold, result) in zip(folds, results) {
      context.constants[fold.weightName] = result.weight
      context.constants[fold.biasName] = result.bias
    }
  }

  /// A convolution and the batch norm, or chain of batch norms, folded into it.
  struct Fold {
    let weight: Tensor
    let bias: Tensor?
    let weightName: String
    let biasName: String
    /// Name of the last batch norm, which the convolution takes over.
    var layer: String
    var map: ChannelAffine
  }

  private typealias Source = (weight: Tensor, bias: Tensor?)

  /// The constants of the convolution `node`; nil where one of them is computed.
  private func source(of node: NodeID, _ conv: Conv2D, _ context: PassContext) -> Source? {
    let operands = context.rewriter[node].operands
    guard let weight = context.tensor(of: operands[1]) else { return nil }
    guard let biasIndex = conv.biasIndex else { return (weight, nil) }
    guard let bias = context.tensor(of: operands[biasIndex]) else { return nil }
    return (weight, bias)
  }

  /// Whether there is room for weights and a bias that are the convolution's own.
  private func permitsOwning(_ node: NodeID, _ conv: Conv2D, _ context: inout PassContext) -> Bool {
    let operands = context.rewriter[node].operands
    let isShared = !context.rewriter.isOwn(operands[1], of: node)
    let newBias =
      conv.hasBias || !isShared ? 0 : context.rewriter[context.rewriter[node].result].type.channels * 4
    return context.permitsOwning(
      [operands[1]] + (conv.biasIndex.map { [operands[$0]] } ?? []), of: node, more: newBias)
  }

  private func rewrite(
    _ node: NodeID, _ conv: Conv2D, absorbing norm: NodeID, source: Source, map: ChannelAffine,
    layer: String, _ context: inout PassContext
  ) throws(PassError) -> Fold {
    let operands = context.rewriter[node].operands
    let weight = try context.edit { (rewriter) throws(IRError) in
      try rewriter.ownConstant(operands[1], of: node)
    }
    let bias = try context.edit { (rewriter) throws(IRError) in
      if let biasIndex = conv.biasIndex { return try rewriter.ownConstant(operands[biasIndex], of: node) }
      let name = rewriter.freeName(Self.biasName(forWeight: rewriter[operands[1]].name))
      return try rewriter.addConstant(name, shape: [source.weight.shape[0]])
    }
    var folded = conv
    folded.hasBias = true
    try context.edit { (rewriter) throws(IRError) in
      try rewriter.update(node, op: .conv2d(folded), operands: [operands[0], weight, bias])
      try rewriter.absorb(norm, into: node)
    }
    return Fold(
      weight: source.weight, bias: source.bias, weightName: context.rewriter[weight].name,
      biasName: context.rewriter[bias].name, layer: layer, map: map)
  }

  /// `conv1.weight` -> `conv1.bias`.
  static func biasName(forWeight name: String) -> String {
    name.hasSuffix(".weight") ? String(name.dropLast(6)) + "bias" : name + ".bias"
  }
}

extension Rewriter {
  /// Whether the constant `value` is read by `node` alone, and once.
  func isOwn(_ value: ValueID, of node: NodeID) -> Bool { onlyUser(of: value) == node && !isOutput(value) }

  /// A constant of the shape of `value` whose only reader is `node`: `value` itself or a new one.
  mutating func ownConstant(_ value: ValueID, of node: NodeID) throws(IRError) -> ValueID {
    if isOwn(value, of: node) { return value }
    return try addConstant(freeName(self[value].name), shape: self[value].type.dims)
  }
}
