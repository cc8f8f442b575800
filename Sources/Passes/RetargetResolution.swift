import FixresIR

/// Sets another test resolution: every type is inferred anew, and pools that cover their whole map become global.
package struct RetargetResolution: Pass {
  package let name = "retarget-resolution"
  package let summary = "re-infer every type for the new test resolution; make whole-map pools global"
  /// Height and width to retarget to; nil keeps the size.
  package let target: Extent?

  /// Largest side of the input.
  package static let maximumSide = 32768
  /// Below this side the last maps of an ImageNet ResNet, a 32nd of the input, are single pixels.
  package static let smallSide = 32

  package init(to target: Extent?) { self.target = target }

  /// Whether a side of `size` is below the 32 pixels that a ResNet's last map needs for one whole position.
  package static func isSmall(_ size: Extent) -> Bool {
    [size.height, size.width].contains { (1..<smallSide).contains($0) }
  }

  package func parameters(before graph: Graph) -> [HistoryEntry.Parameter] {
    [.init("from", "\(graph.resolution)"), .init("to", "\(target ?? graph.resolution)")]
  }

  package func run(_ context: inout PassContext) throws(PassError) {
    guard let target, let input = context.rewriter.inputs.first else { return }
    let sides = [target.height, target.width]
    guard sides.allSatisfy({ (1...Self.maximumSide).contains($0) }) else {
      throw .resolution(requested: target, maximum: Self.maximumSide)
    }
    if Self.isSmall(target) { context.note(.smallResolution(target)) }
    guard target != context.rewriter[input].type.spatial else {
      return context.note(.alreadyAtResolution(target))
    }
    guard try WholeMapPool.makeGlobal(in: &context) else { return }
    guard context.permitsRewrite() else { return }
    let tied = WholeMapPool.unknown(in: context.rewriter)
    var retyped = context.rewriter
    do {
      try retyped.retype(resolution: target)
    } catch {
      throw refusal(error, half: retyped, whole: context)
    }
    for pool in tied {
      let (map, newMap) = (
        context.rewriter[context.rewriter[pool].operands[0]].type.spatial,
        retyped[retyped[pool].operands[0]].type.spatial
      )
      guard map == newMap else {
        throw .poolTiedToMap(
          layer: retyped[retyped[pool].result].name, map: map, newMap: newMap, requested: target)
      }
    }
    // A head that reads a part of its map was trained so, or has been left behind by the size.
    if let part = PooledHead.partialReader(in: retyped.finish()),
      PooledHead.partialReader(in: context.rewriter.finish()) == nil
    {
      throw .headReadsPart(layer: part.layer, map: part.map, requested: target)
    }
    context.rewriter = retyped
  }

  /// The reason why the graph does not fit the new size. The types of `half` are new up to the layer that failed.
  private func refusal(_ error: IRError, half: Rewriter, whole: PassContext) -> PassError {
    let target = self.target ?? Extent(0, 0)
    for id in half.nodeIDs {
      let node = half[id]
      let layer = half[node.result].name
      do {
        _ = try node.op.inferType(node.operands.map { half[$0].type })
      } catch .kernelLargerThanInput(let kernel, let paddedInput) {
        return .kernelLargerThanInput(
          layer: layer, kernel: kernel, paddedInput: paddedInput, requested: target)
      } catch {
        if case .linear = node.op, let flatten = flattenedMap(of: node.operands[0], in: half) {
          return .headTiedToMap(
            layer: layer, requested: target, map: whole.rewriter[flatten].type.spatial,
            newMap: half[flatten].type.spatial,
            features: whole.rewriter[flatten].type.elementCount,
            newFeatures: half[flatten].type.elementCount)
        }
        return .layerDoesNotFit(layer: layer, error, requested: target)
      }
    }
    return .broken(pass: name, error)
  }

  /// The image that was flattened on the way to `value`, through layers that keep a row of features a row.
  private func flattenedMap(of value: ValueID, in rewriter: Rewriter) -> ValueID? {
    var value = value
    while let producer = rewriter.producer(of: value) {
      let operand = rewriter[producer].operands[0]
      if case .flatten = rewriter[producer].op, rewriter[operand].type.isImage { return operand }
      guard rewriter.traits(of: producer).contains(.keepsRows) else { return nil }
      value = operand
    }
    return nil
  }
}
