import FixresBase
import FixresIR

extension FoldConstants {
  /// Merges the batch norm `node` into the batch norm before it, unless both can be folded into a convolution.
  func mergeBatchNorms(_ node: NodeID, _ context: inout PassContext) throws(PassError) -> Bool {
    guard case .batchNorm = context.rewriter[node].op else { return true }
    let operand = context.rewriter[node].operands[0]
    guard let first = context.rewriter.producer(of: operand),
      case .batchNorm = context.rewriter[first].op, context.rewriter.soleUser(of: operand) == node
    else { return true }
    let data = context.rewriter[first].operands[0]
    if let (_, conv) = context.rewriter.convolution(givingOnly: data), !conv.hasResidual,
      conv.activation == .none
    {
      return true
    }
    guard let inner = try ChannelAffine.make(of: first, &context),
      let outer = try ChannelAffine.make(of: node, &context)
    else { return true }
    let map = inner.followed(by: outer)
    let scale = map.scale.map { Float($0) }
    let shift = map.shift.map { Float($0) }
    guard (scale + shift).allSatisfy(\.isFinite) else { return true }
    guard context.permitsOwning(Array(context.rewriter[node].operands.dropFirst()), of: node) else {
      return true
    }
    guard context.permitsRewrite() else { return false }
    try rewriteAsAffine(node, of: data, scale: scale, shift: shift, &context)
    let unread = context.rewriter[first].operands
    context.rewriter.erase(first)
    context.eraseUnread(unread)
    return true
  }

  /// Makes `node` a batch norm of `data` with mean 0, variance 1 and epsilon 0: `scale * x + shift`.
  private func rewriteAsAffine(
    _ node: NodeID, of data: ValueID, scale: [Float], shift: [Float], _ context: inout PassContext
  ) throws(PassError) {
    let old = Array(context.rewriter[node].operands.dropFirst())
    let count = scale.count
    let contents = [scale, shift, [Float](repeating: 0, count: count), [Float](repeating: 1, count: count)]
    var operands = [data]
    for (value, content) in zip(old, contents) {
      let own = try context.edit { (rewriter) throws(IRError) in try rewriter.ownConstant(value, of: node) }
      context.constants[context.rewriter[own].name] = Tensor(shape: [count], content)
      operands.append(own)
    }
    try context.edit { (rewriter) throws(IRError) in
      try rewriter.update(node, op: .batchNorm(BatchNorm(epsilon: 0)), operands: operands)
    }
  }

  /// Multiplies the batch norm `node` into the classifier after it: `W' = W s`, `b' = b + W t`, where only the global
  /// average and flatten lie between them and their results have no other reader.
  func foldIntoClassifier(_ node: NodeID, _ context: inout PassContext) throws(PassError) -> Bool {
    guard case .batchNorm = context.rewriter[node].op,
      let (linearNode, linear) = classifier(behind: node, in: context.rewriter)
    else { return true }
    let operands = context.rewriter[linearNode].operands
    let bias = linear.hasBias ? context.tensor(of: operands[2]) : nil
    guard let weight = context.tensor(of: operands[1]), linear.hasBias == (bias != nil),
      let map = try ChannelAffine.make(of: node, &context)
    else { return true }
    let needed = weight.byteCount.multipliedSaturated(2)
    guard AddressSpace.allows(needed) else { throw .outOfMemory(byteCount: needed) }
    guard let folded = Self.folded(weight, bias, map) else { return true }
    guard context.permitsOwning(Array(operands.dropFirst()), of: linearNode) else { return true }
    guard context.permitsRewrite() else { return false }
    let ownWeight = try context.edit { (rewriter) throws(IRError) in
      try rewriter.ownConstant(operands[1], of: linearNode)
    }
    let ownBias = try context.edit { (rewriter) throws(IRError) in
      if linear.hasBias { return try rewriter.ownConstant(operands[2], of: linearNode) }
      let name = rewriter.freeName(FoldBatchNorm.biasName(forWeight: rewriter[operands[1]].name))
      return try rewriter.addConstant(name, shape: [weight.shape[0]])
    }
    context.constants[context.rewriter[ownWeight].name] = folded.weight
    context.constants[context.rewriter[ownBias].name] = folded.bias
    try context.edit { (rewriter) throws(IRError) in
      try rewriter.update(
        linearNode, op: .linear(Linear(hasBias: true)), operands: [operands[0], ownWeight, ownBias])
    }
    context.rewriter.bypass(node)
    return true
  }

  private func classifier(behind node: NodeID, in rewriter: Rewriter) -> (node: NodeID, linear: Linear)? {
    // A flattened map of several pixels has a weight for each pixel, so the map must be averaged before.
    var isSinglePixel = rewriter[rewriter[node].result].type.spatial == Extent(1, 1)
    var current = node
    while let user = rewriter.soleUser(of: rewriter[current].result) {
      switch rewriter[user].op.computation {
      case .globalPool(.mean): isSinglePixel = true
      case .flatten: guard isSinglePixel else { return nil }
      case .linear(let linear):
        return rewriter[user].operands[0] == rewriter[current].result ? (user, linear) : nil
      case .copy, .elementwise, .batchNorm, .sum, .product, .channelProduct, .convolution, .pool,
        .globalPool(.maximum), .generalizedMean, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
        return nil
      }
      current = user
    }
    return nil
  }

  private static func folded(
    _ weight: Tensor, _ bias: Tensor?, _ map: ChannelAffine
  ) -> (weight: Tensor, bias: Tensor)? {
    let (classes, features) = (weight.shape[0], weight.shape[1])
    guard features == map.scale.count else { return nil }
    var weights = weight.floats
    var biases = bias?.floats ?? [Float](repeating: 0, count: classes)
    for row in 0..<classes {
      var sum = Double(biases[row])
      for column in 0..<features {
        let index = row * features + column
        sum += Double(weights[index]) * map.shift[column]
        weights[index] = Float(Double(weights[index]) * map.scale[column])
      }
      biases[row] = Float(sum)
    }
    guard weights.allSatisfy(\.isFinite), biases.allSatisfy(\.isFinite) else { return nil }
    return (Tensor(shape: weight.shape, weights), Tensor(shape: [classes], biases))
  }
}
