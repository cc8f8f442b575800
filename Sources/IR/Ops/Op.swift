/// What a node computes.
///
/// A closed set. Code that treats every operation in some way asks `OpDefinition.traits` or switches over `Computation`
/// (or over this enum) without a `default`, so that the compiler names what a new operation has to say; only a
/// question about one operation ("is this a convolution?") is asked by `if case`.
public enum Op: Hashable, Sendable {
  /// A convolution, with the bias, residual and activation that are fused into it.
  case conv2d(Conv2D)
  /// Batch norm with fixed statistics.
  case batchNorm(BatchNorm)
  /// `max(x, 0)`.
  case relu(Relu)
  /// The sum of two values of one type.
  case add(Add)
  /// The maximum of each window.
  case maxPool(MaxPool)
  /// The mean of each window.
  case averagePool(AveragePool)
  /// The mean of each channel's map.
  case globalAveragePool(GlobalAveragePool)
  /// The maximum of each channel's map.
  case globalMaxPool(GlobalMaxPool)
  /// `[N, C, H, W]` to `[N, C*H*W]`.
  case flatten(Flatten)
  /// A fully connected layer.
  case linear(Linear)
  /// `1 / (1 + exp(-x))`.
  case sigmoid(Sigmoid)
  /// Each channel times its gate.
  case channelMultiply(ChannelMultiply)
  /// Every s-th row and column.
  case stridedSlice(StridedSlice)
  /// Zero channels before and after.
  case channelPad(ChannelPad)
  /// Probabilities from logits.
  case softmax(Softmax)
  /// The map between two Fréchet laws.
  case scalarAffineClamp(ScalarAffineClamp)
  /// The operand.
  case identity(Identity)
  /// The operand: what a trained network runs.
  case dropout(Dropout)
  /// `x * relu6(x + 3) / 6`.
  case hardSwish(HardSwish)
  /// `x` where x >= 0, else `slope * x`.
  case leakyRelu(LeakyRelu)
  /// `x / (1 + exp(-x))`.
  case silu(Silu)
  /// `x` times the normal distribution function.
  case gelu(Gelu)
  /// `x * tanh(log(1 + exp(x)))`.
  case mish(Mish)
  /// `min(max(x, low), high)`.
  case clamp(Clamp)
  /// `relu6(x + 3) / 6`.
  case hardSigmoid(HardSigmoid)
  /// The hyperbolic tangent.
  case tanh(Tanh)
  /// The error function.
  case erf(Erf)
  /// `log(1 + exp(x))`.
  case softplus(Softplus)
  /// `scale * x + offset`.
  case scalarAffine(ScalarAffine)
  /// The product of two values of one type.
  case multiply(Multiply)
  /// Channels or features of several values one after the other.
  case concat(Concat)
  /// Mirrored rows and columns around the image.
  case reflectPad(ReflectPad)
  /// The generalized mean of each channel's map.
  case generalizedMeanPool(GeneralizedMeanPool)
  /// Logarithms of probabilities from logits.
  case logSoftmax(LogSoftmax)

  /// Which operation it is, without its attributes; raw values are the mnemonics of the textual form.
  package enum Kind: String, CaseIterable, Hashable, Sendable {
    case conv2d, batchNorm, relu, add, maxPool, averagePool, globalAveragePool, globalMaxPool, flatten, linear
    case sigmoid, channelMultiply, stridedSlice, channelPad, softmax, scalarAffineClamp, identity, dropout
    case hardSwish, leakyRelu, silu, gelu, mish, clamp, hardSigmoid, tanh, erf, softplus, scalarAffine,
      multiply
    case concat, reflectPad, generalizedMeanPool, logSoftmax

    /// The definition that reads this kind's attributes back from text.
    package var definition: any OpDefinition.Type {
      switch self {
      case .conv2d: Conv2D.self
      case .batchNorm: BatchNorm.self
      case .relu: Relu.self
      case .add: Add.self
      case .maxPool: MaxPool.self
      case .averagePool: AveragePool.self
      case .globalAveragePool: GlobalAveragePool.self
      case .globalMaxPool: GlobalMaxPool.self
      case .flatten: Flatten.self
      case .linear: Linear.self
      case .sigmoid: Sigmoid.self
      case .channelMultiply: ChannelMultiply.self
      case .stridedSlice: StridedSlice.self
      case .channelPad: ChannelPad.self
      case .softmax: Softmax.self
      case .scalarAffineClamp: ScalarAffineClamp.self
      case .identity: Identity.self
      case .dropout: Dropout.self
      case .hardSwish: HardSwish.self
      case .leakyRelu: LeakyRelu.self
      case .silu: Silu.self
      case .gelu: Gelu.self
      case .mish: Mish.self
      case .clamp: Clamp.self
      case .hardSigmoid: HardSigmoid.self
      case .tanh: Tanh.self
      case .erf: Erf.self
      case .softplus: Softplus.self
      case .scalarAffine: ScalarAffine.self
      case .multiply: Multiply.self
      case .concat: Concat.self
      case .reflectPad: ReflectPad.self
      case .generalizedMeanPool: GeneralizedMeanPool.self
      case .logSoftmax: LogSoftmax.self
      }
    }
  }

  /// The attributes as their common protocol, for printing and type inference.
  package var definition: any OpDefinition {
    switch self {
    case .conv2d(let op): op
    case .batchNorm(let op): op
    case .relu(let op): op
    case .add(let op): op
    case .maxPool(let op): op
    case .averagePool(let op): op
    case .globalAveragePool(let op): op
    case .globalMaxPool(let op): op
    case .flatten(let op): op
    case .linear(let op): op
    case .sigmoid(let op): op
    case .channelMultiply(let op): op
    case .stridedSlice(let op): op
    case .channelPad(let op): op
    case .softmax(let op): op
    case .scalarAffineClamp(let op): op
    case .identity(let op): op
    case .dropout(let op): op
    case .hardSwish(let op): op
    case .leakyRelu(let op): op
    case .silu(let op): op
    case .gelu(let op): op
    case .mish(let op): op
    case .clamp(let op): op
    case .hardSigmoid(let op): op
    case .tanh(let op): op
    case .erf(let op): op
    case .softplus(let op): op
    case .scalarAffine(let op): op
    case .multiply(let op): op
    case .concat(let op): op
    case .reflectPad(let op): op
    case .generalizedMeanPool(let op): op
    case .logSoftmax(let op): op
    }
  }

  package var kind: Kind { type(of: definition).kind }

  /// The name in the textual form.
  public var mnemonic: String { kind.rawValue }

  /// What an engine has to compute.
  package var computation: Computation { definition.computation }

  /// What may be assumed of the result, given operands of these types.
  package func traits(_ operands: [TensorType]) -> OpTraits { definition.traits(operands) }

  /// The type of the result, from the operands' types.
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let definition = definition
    guard operands.count == definition.operandRoles.count else {
      throw .operandCount(expected: definition.operandRoles.count, found: operands.count)
    }
    try Self.checkSizes(of: definition, operands)
    let type = try definition.inferType(operands)
    guard type.dims.allSatisfy({ $0 > 0 }) else { throw .emptyResult(type) }
    guard type.checkedElementCount != nil else { throw .tooLarge(type) }
    return type
  }

  /// The same operation with its padding derived anew for operands of these types, where it follows a rule and the
  /// types are possible.
  package func fitted(to operands: [TensorType]) -> Op {
    let definition = definition
    do {
      try Self.checkSizes(of: definition, operands)
    } catch {
      return self
    }
    return definition.fitted(to: operands).asOp
  }

  /// Bounds whatever an operation computes sizes from: a file or a program may write any integer. With dimensions of
  /// at most 2^40 and attributes of at most 2^20 no sum or product of two of them leaves `Int`.
  private static func checkSizes(
    of definition: any OpDefinition, _ operands: [TensorType]
  ) throws(TypeFault) {
    for type in operands where type.checkedElementCount == nil { throw .tooLarge(type) }
    for attribute in definition.attributes {
      for value in attribute.integers where value.magnitude > maximumAttribute {
        throw .attribute(name: attribute.name, found: value)
      }
    }
  }

  /// Multiply-accumulates for one image; 0 for all but convolutions and linear layers.
  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int {
    definition.multiplyAccumulates(operands: operands, result: result)
  }
}
