/// Asks a backend for one small layer of each kind, to tell which it refuses on this machine.
package enum KernelProbe {
  /// The kinds of layers that `backend` refuses, and why; empty for the portable kernels.
  package static func refusals(of backend: any Backend) -> [MachineReport.Refusal] {
    let block = backend.block
    let map = TensorLayout(channels: 2 * block, height: 8, width: 8, block: block, border: Border(all: 1))
    let vector = TensorLayout(channels: 2 * block, height: 1, width: 1, block: block)
    var refusals: [MachineReport.Refusal] = []
    func ask(_ layer: String, _ make: () throws(KernelRefusal) -> KernelStep) {
      do { _ = try make() } catch { refusals.append(.init(layer: layer, reason: error.reason)) }
    }
    for (layer, kernel, groups) in [
      ("convolution 1x1", 1, 1), ("convolution 3x3", 3, 1), ("grouped convolution", 3, block / 2),
    ] {
      let descriptor = ConvolutionDescriptor(
        input: map, output: map, kernelHeight: kernel, kernelWidth: kernel, paddingTop: kernel / 2,
        paddingLeft: kernel / 2, groups: groups)
      let weights = AlignedBlock(
        count: map.channels * map.channels / groups * kernel * kernel, of: .f32)
      ask(layer) { () throws(KernelRefusal) in
        try backend.convolution(
          descriptor, LayerParameters(weights: weights.floats, bias: nil),
          ConvolutionBuffers(input: 0, output: 1), tuned: nil)
      }
    }
    ask("pooling") { () throws(KernelRefusal) in
      try backend.pooling(
        PoolingDescriptor(
          input: map, output: map, kernelHeight: 3, kernelWidth: 3, strideHeight: 1, strideWidth: 1,
          padding: Border(all: 1), isMaximum: true),
        source: 0, target: 1)
    }
    ask("global pooling") { () throws(KernelRefusal) in
      try backend.globalPooling(
        GlobalPoolingDescriptor(input: map, output: vector, isMaximum: false), source: 0, target: 1)
    }
    let weights = AlignedBlock(count: vector.channels * vector.channels, of: .f32)
    ask("linear") { () throws(KernelRefusal) in
      try backend.linear(
        LinearDescriptor(input: vector, output: vector),
        LayerParameters(weights: weights.floats, bias: nil), source: 0, target: 1)
    }
    return refusals
  }
}
