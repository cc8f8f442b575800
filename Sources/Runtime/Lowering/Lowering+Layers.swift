import FixresBase
import FixresIR

extension Lowering {
  func convolution(
    _ op: Conv2D, _ node: Node
  ) throws(RuntimeError) -> KernelStep {
    let descriptor = descriptor(op, node)
    let residual = op.residualIndex.map { node.operands[$0] }
    let buffers = ConvolutionBuffers(
      input: buffer(node.operands[0]), output: buffer(node.result), residual: residual.map(buffer))
    let tuned = tuned[UTF8Key(graph[node.result].name)]
    return try withParameters(node.operands[1], op.biasIndex.map { node.operands[$0] }) {
      (parameters) throws(RuntimeError) in
      try kernel(node, portableByteCount: DirectConvolution.packedByteCount(descriptor)) {
        kernels throws(KernelRefusal) in
        try kernels.convolution(descriptor, parameters, buffers, tuned: tuned)
      }
    }
  }

  /// The backend's step for `node`, or the portable one and why; the latter packs weights of `portableByteCount` bytes.
  private func kernel(
    _ node: Node, portableByteCount: Int = 0, _ make: (any Backend) throws(KernelRefusal) -> KernelStep
  ) throws(RuntimeError) -> KernelStep {
    let format = layout(node.result).format
    var refusal = KernelRefusal.uncovered("\(backend.name) has no kernels for \(format.name)")
    if backend.supports(format), !(backend is PortableKernels) {
      do { return try make(backend) } catch { refusal = error }
      if case .memory(let needed) = refusal { throw packedTooLarge(node, needed) }
    }
    do { try budget?.take(portableByteCount) } catch {
      guard case .memory(let needed) = error else { throw packedTooLarge(node, .max) }
      throw packedTooLarge(node, needed)
    }
    var step = try portableStep(node, refusal, make)
    if backend is PortableKernels { step.refusal = nil }
    return step
  }

  private func packedTooLarge(_ node: Node, _ needed: Int) -> RuntimeError {
    .derivedConstantsTooLarge(value: graph[node.result].name, needed: needed, limit: budget?.limit ?? .max)
  }

  /// The portable step for `node`, which nobody else computes because of `refusal`.
  private func portableStep(
    _ node: Node, _ refusal: KernelRefusal, _ make: (PortableKernels) throws(KernelRefusal) -> KernelStep
  ) throws(RuntimeError) -> KernelStep {
    try requirePortable(node, refusal.reason)
    do {
      var step = try make(portable)
      step.refusal = refusal
      return step
    } catch { preconditionFailure("the portable kernels refuse nothing") }
  }

  /// The step for `node`, for which there are portable kernels alone.
  func portableStep(
    _ node: Node, _ make: () throws(RuntimeError) -> KernelStep
  ) throws(RuntimeError) -> KernelStep {
    try requirePortable(node, "only float32 kernels compute it, not \(layout(node.result).format.name)")
    return try make()
  }

  /// Refuses `node` where the portable kernels do not compute its format and no other kernel does, for `reason`.
  private func requirePortable(_ node: Node, _ reason: String) throws(RuntimeError) {
    guard portable.supports(layout(node.result).format) else {
      throw .unsupported(value: graph[node.result].name, operation: node.op.mnemonic, reason: reason)
    }
  }

  func descriptor(_ op: Conv2D, _ node: Node) -> ConvolutionDescriptor {
    let kernel = graph[node.operands[1]].type.dims
    var descriptor = ConvolutionDescriptor(
      input: layout(node.operands[0]), output: layout(node.result),
      residual: op.residualIndex.map { layout(node.operands[$0]) }, kernelHeight: kernel[2],
      kernelWidth: kernel[3], strideHeight: op.strides.height, strideWidth: op.strides.width,
      paddingTop: op.padding.top, paddingLeft: op.padding.left, groups: op.groups, hasBias: op.hasBias,
      hasReLU: op.activation == .relu)
    descriptor.partRows = partRows
    (descriptor.dilationHeight, descriptor.dilationWidth) = (op.dilations.height, op.dilations.width)
    return descriptor
  }

  func linear(_ op: Linear, _ node: Node) throws(RuntimeError) -> KernelStep {
    let descriptor = LinearDescriptor(input: layout(node.operands[0]), output: layout(node.result))
    let (source, target) = (buffer(node.operands[0]), buffer(node.result))
    return try withParameters(node.operands[1], op.hasBias ? node.operands[2] : nil) {
      (parameters) throws(RuntimeError) in
      try kernel(node, portableByteCount: LinearLayer.packedByteCount(descriptor)) {
        kernels throws(KernelRefusal) in
        try kernels.linear(descriptor, parameters, source: source, target: target)
      }
    }
  }

  /// Batch norm as `scale * x + shift`, both computed in double and rounded once.
  func batchNorm(_ op: BatchNorm, _ node: Node) throws(RuntimeError) -> KernelStep {
    let gamma = try constant(node.operands[1]).elements
    let beta = try constant(node.operands[2]).elements
    let mean = try constant(node.operands[3]).elements
    let variance = try constant(node.operands[4]).elements
    var scale: [Float] = []
    var shift: [Float] = []
    for c in gamma.indices {
      let factor = Double(gamma[c]) / (Double(variance[c]) + op.epsilon).squareRoot()
      scale.append(Float(factor))
      shift.append(Float(Double(beta[c]) - Double(mean[c]) * factor))
    }
    return BroadcastStep.step(
      .channelAffine, source: buffer(node.operands[0]), target: buffer(node.result),
      input: layout(node.operands[0]), output: layout(node.result), scale: scale, shift: shift)
  }

  func binary(_ operation: BroadcastStep.Operation, _ node: Node) throws(RuntimeError) -> KernelStep {
    guard graph[node.operands[1]].type.batched else {
      throw .unsupported(
        value: graph[node.result].name, operation: node.op.mnemonic, reason: "its second operand has no batch"
      )
    }
    return BroadcastStep.step(
      operation, source: buffer(node.operands[0]), target: buffer(node.result),
      input: layout(node.operands[0]), output: layout(node.result),
      second: (buffer(node.operands[1]), layout(node.operands[1])))
  }

  func concat(_ node: Node) -> KernelStep {
    ConcatStep.step(
      node.operands.map { (buffer($0), layout($0)) }, target: buffer(node.result),
      output: layout(node.result))
  }

  func pooling(
    _ window: Window, _ reduction: Computation.Reduction, _ node: Node
  ) throws(RuntimeError) -> KernelStep {
    let padding = window.padding
    let descriptor = PoolingDescriptor(
      input: layout(node.operands[0]), output: layout(node.result), kernelHeight: window.kernel.height,
      kernelWidth: window.kernel.width, strideHeight: window.strides.height,
      strideWidth: window.strides.width,
      padding: Border(
        top: padding.top, left: padding.left, bottom: padding.bottom, right: padding.right),
      isMaximum: reduction == .maximum, countsPadding: reduction == .mean(countsPadding: true))
    let (source, target) = (buffer(node.operands[0]), buffer(node.result))
    return try kernel(node) { kernels throws(KernelRefusal) in
      try kernels.pooling(descriptor, source: source, target: target)
    }
  }

  func globalPooling(
    _ reduction: Computation.Reduction, _ node: Node
  ) throws(RuntimeError) -> KernelStep {
    let isMaximum = reduction == .maximum
    let descriptor = GlobalPoolingDescriptor(
      input: layout(node.operands[0]), output: layout(node.result), isMaximum: isMaximum)
    let (source, target) = (buffer(node.operands[0]), buffer(node.result))
    return try kernel(node) { kernels throws(KernelRefusal) in
      try kernels.globalPooling(descriptor, source: source, target: target)
    }
  }

  /// `body` with a layer's weights and bias, straight from the model's memory where that holds them.
  private func withParameters(
    _ weight: ValueID, _ bias: ValueID?, _ body: (LayerParameters) throws(RuntimeError) -> KernelStep
  ) throws(RuntimeError) -> KernelStep {
    let biases = try bias.map { (id) throws(RuntimeError) in try constant(id).elements }
    let name = graph[weight].name
    let tensor = folded[weight.index] == nil ? model.constants[name] : nil
    func finish(_ weights: UnsafeBufferPointer<Float>) throws(RuntimeError) -> KernelStep {
      guard let base = weights.baseAddress else { preconditionFailure("a layer's weights are never empty") }
      var parameters = LayerParameters(weights: base, bias: nil)
      parameters.budget = budget
      if let tensor {
        (parameters.constant, parameters.source) = (name, tensor)
        parameters.stored = packed[UTF8Key(name)] ?? []
      }
      guard let biases else { return try body(parameters) }
      return try biases.withUnsafeBufferPointer { (biases) throws(RuntimeError) in
        parameters.bias = biases.baseAddress
        return try body(parameters)
      }
    }
    guard let tensor else { return try constant(weight).elements.withUnsafeBufferPointer(finish) }
    let step = try tensor.withFloats(finish)
    // Packed weights take the place of the source's pages.
    if step.resources.weights?.packing == nil { tensor.bytes.releasePages() }
    return step
  }
}
