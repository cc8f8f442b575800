import FixresIR

// What lies before and behind the residual stages, and layers that follow from facts alone.
extension NetworkBuilder {
  /// `x` as the network's own normalisation makes it: a 1x1 convolution of each channel by itself.
  mutating func normalised(_ x: ValueID) throws(IRError) -> ValueID {
    guard let normalisation = network.inputNormalisation else { return x }
    let count = network.inputChannels
    let factors = normalisation.standardDeviation.map { 1 / $0 }
    let weight = try constant("input.normalize.weight", [count, 1, 1, 1], factors)
    let bias = try constant(
      "input.normalize.bias", [count],
      zip(normalisation.mean, normalisation.standardDeviation).map { -$0 / $1 })
    let op = Conv2D(groups: count, hasBias: true)
    return try graph.append(.conv2d(op), [x, weight, bias], name: "input.normalize")
  }

  /// A constant that no file holds.
  private mutating func constant(
    _ name: String, _ shape: [Int], _ elements: [Float]
  ) throws(IRError) -> ValueID {
    derived[name] = Tensor(shape: shape, elements)
    return try graph.constant(name, shape: shape)
  }

  mutating func stemPool(_ x: ValueID) throws(IRError) -> ValueID {
    let strides = Extent(square: 2)
    switch network.stem.pool {
    case .convolution(let convolution):
      let isFiltered = network.antiAliasing != .none
      var y = try self.convolution(x, convolution, "maxpool.0", stride: isFiltered ? 1 : 2)
      if isFiltered { y = try filtered(y, "maxpool.aa", stride: 2) }
      y = try batchNorm(y, "maxpool.1", convolution.outputs)
      return try activation(y, "maxpool.2")
    case .plain(.max) where network.antiAliasing == .blur3:
      // timm: the maxima of every window, then the filter.
      let window = Window(kernel: Extent(square: 3), strides: Extent(square: 1), padding: Padding(1))
      let y = try graph.append(.maxPool(.init(window: window)), [x], name: "maxpool.0")
      return try filtered(y, "maxpool.aa", stride: 2)
    case .plain(.max) where network.antiAliasing == .average2:
      return try filtered(x, "maxpool", stride: 2)
    case .plain(let kind):
      let (three, two) = (Extent(square: 3), Extent(square: 2))
      let op: Op
      switch kind {
      case .none, .convolution: return x
      case .max: op = .maxPool(.init(window: Window(kernel: three, strides: strides, padding: Padding(1))))
      case .maxCeil: op = .maxPool(.init(window: Window(kernel: three, strides: strides, ceilMode: true)))
      case .max2: op = .maxPool(.init(window: Window(kernel: two, strides: strides)))
      case .average:
        let window = Window(kernel: three, strides: strides, padding: Padding(1))
        op = .averagePool(.init(window: window, countIncludePad: true))
      case .average2:
        op = .averagePool(.init(window: Window(kernel: two, strides: strides), countIncludePad: false))
      }
      return try graph.append(op, [x], name: "maxpool")
    }
  }

  /// `x` through the anti-aliasing filter, then every `stride`-th row and column.
  mutating func filtered(_ x: ValueID, _ name: String, stride: Int) throws(IRError) -> ValueID {
    switch network.antiAliasing {
    case .none: return x
    case .average2:
      guard stride > 1 else { return x }
      let window = Window(kernel: Extent(square: stride), strides: Extent(square: stride))
      return try graph.append(.averagePool(.init(window: window, countIncludePad: false)), [x], name: name)
    case .blur3:
      let channels = graph[x].type.channels
      let binomial: [Float] = [0.25, 0.5, 0.25]
      let filter = binomial.flatMap { row in binomial.map { row * $0 } }
      let weight = try constant(
        name + ".filt", [channels, 1, 3, 3], Array(repeatElement(filter, count: channels).joined()))
      let padded = try graph.append(.reflectPad(.init(padding: Padding(1))), [x], name: name + ".pad")
      let op = Conv2D(strides: Extent(square: stride), groups: channels)
      return try graph.append(.conv2d(op), [padded, weight], name: name)
    }
  }

  // MARK: Behind the last map

  /// The features `[N, F]` of the map `x`.
  mutating func pooled(_ x: ValueID) throws(IRError) -> ValueID {
    let pooled: ValueID
    switch network.pool {
    case .average: pooled = try graph.append(.globalAveragePool(.init()), [x], name: "avgpool")
    case .maximum: pooled = try graph.append(.globalMaxPool(.init()), [x], name: "avgpool")
    case .generalisedMean(let exponent):
      pooled = try graph.append(
        .generalizedMeanPool(.init(exponent: exponent, epsilon: 1e-6)), [x], name: "avgpool")
    case .averageMaximum, .concatAverageMaximum, .concatMaximumAverage:
      let mean = try graph.append(.globalAveragePool(.init()), [x], name: "avgpool.avg")
      let maximum = try graph.append(.globalMaxPool(.init()), [x], name: "avgpool.max")
      if network.pool == .averageMaximum {
        let sum = try graph.append(.add(.init()), [mean, maximum], name: "avgpool.add")
        pooled = try graph.append(.scalarAffine(.init(scale: 0.5, offset: 0)), [sum], name: "avgpool")
      } else {
        let parts = network.pool == .concatAverageMaximum ? [mean, maximum] : [maximum, mean]
        pooled = try graph.append(.concat(.init(count: 2)), parts, name: "avgpool")
      }
    }
    return try graph.append(.flatten(.init()), [pooled], name: "flatten")
  }

  /// The scores of the head for `features`.
  mutating func head(_ features: ValueID) throws(IRError) -> ValueID {
    var x = features
    var module = "head"
    for layer in network.head {
      let width = graph[x].type.elementCount
      switch layer {
      case .linear(let name, let outputs, let hasBias):
        var operands = [x, try graph.constant(name + ".weight", shape: [outputs, width])]
        if hasBias { operands.append(try graph.constant(name + ".bias", shape: [outputs])) }
        x = try graph.append(.linear(.init(hasBias: hasBias)), operands, name: name)
        module = name
      case .batchNorm(let name, let hasScale, let hasShift):
        var operands = [x]
        for (leaf, isStored, usual) in [("weight", hasScale, Float(1)), ("bias", hasShift, 0)] {
          operands.append(
            isStored
              ? try graph.constant("\(name).\(leaf)", shape: [width])
              : try constant("\(name).\(leaf)", [width], [Float](repeating: usual, count: width)))
        }
        for leaf in ["running_mean", "running_var"] {
          operands.append(try graph.constant("\(name).\(leaf)", shape: [width]))
        }
        x = try graph.append(.batchNorm(.init(epsilon: network.batchNormEpsilon)), operands, name: name)
        module = name
      case .activation(let function):
        module += ".act"
        x = try graph.append(function.op, [x], name: module)
      }
    }
    return x
  }
}

extension ActivationFunction {
  /// The operation that computes it.
  var op: Op {
    switch self {
    case .relu: .relu(.init())
    case .leakyRelu(let slope): .leakyRelu(.init(slope: slope))
    case .relu6: .clamp(.relu6)
    case .silu: .silu(.init())
    case .gelu: .gelu(.init())
    case .geluTanh: .gelu(.init(form: .tanh))
    case .hardSwish: .hardSwish(.init())
    case .mish: .mish(.init())
    case .tanh: .tanh(.init())
    }
  }
}
