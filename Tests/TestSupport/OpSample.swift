import FixresIR

/// An operation with operand types that fit it; every kind has at least one, for tests over all kinds.
package struct OpSample: Sendable, CustomStringConvertible {
  package let op: Op
  package let operands: [TensorType]

  package var description: String { "\(op)" }

  private init(_ op: Op, _ operands: [TensorType]) { (self.op, self.operands) = (op, operands) }

  private static let image = TensorType.image(3, 6, 7)
  private static let row = TensorType.features(3)
  private static let channels = TensorType(batched: false, [3])

  package static let all: [OpSample] = Op.Kind.allCases.flatMap(samples)
  package static let elementwise: [OpSample] = all.filter {
    if case .elementwise = $0.op.computation { true } else { false }
  }

  /// Samples of `kind`; instances that differ in their traits come apart.
  package static func samples(of kind: Op.Kind) -> [OpSample] {
    switch kind {
    case .conv2d: convolutions
    case .batchNorm:
      [image, row].map {
        OpSample(.batchNorm(.init(epsilon: 1e-3)), [$0, channels, channels, channels, channels])
      }
    case .relu: unary(.relu(.init()))
    case .add: [OpSample(.add(.init()), [image, image])]
    case .maxPool: windows.map { OpSample(.maxPool(.init(window: $0)), [image]) }
    case .averagePool:
      windows.map { OpSample(.averagePool(.init(window: $0, countIncludePad: true)), [image]) }
    case .globalAveragePool: [OpSample(.globalAveragePool(.init()), [image])]
    case .globalMaxPool: [OpSample(.globalMaxPool(.init()), [image])]
    case .flatten: unary(.flatten(.init()))
    case .linear:
      [
        OpSample(
          .linear(.init(hasBias: true)),
          [row, TensorType(batched: false, [4, 3]), .init(batched: false, [4])])
      ]
    case .sigmoid: unary(.sigmoid(.init()))
    case .channelMultiply: [OpSample(.channelMultiply(.init()), [image, .image(3, 1, 1)])]
    case .stridedSlice:
      [Extent(2, 2), Extent(1, 1)].map { OpSample(.stridedSlice(.init(strides: $0)), [image]) }
    case .channelPad: [1, 0].map { OpSample(.channelPad(.init(before: $0, after: $0)), [image]) }
    case .softmax: [OpSample(.softmax(.init()), [row])]
    case .scalarAffineClamp:
      unary(.scalarAffineClamp(.init(scale: 1.5, offset: -0.125)))
        + unary(.scalarAffineClamp(.init(scale: 0.75, offset: 0.25)))
    case .identity: unary(.identity(.init()))
    case .dropout: unary(.dropout(.init(rate: 0.25)))
    case .hardSwish: unary(.hardSwish(.init()))
    case .leakyRelu: [0.1, 0].flatMap { unary(.leakyRelu(.init(slope: $0))) }
    case .silu: unary(.silu(.init()))
    case .gelu: Gelu.Form.allCases.flatMap { unary(.gelu(.init(form: $0))) }
    case .mish: unary(.mish(.init()))
    case .clamp:
      unary(.clamp(.init(low: 0, high: 1.5))) + unary(.clamp(.init(low: -0.5, high: 2)))
    case .hardSigmoid: unary(.hardSigmoid(.init()))
    case .tanh: unary(.tanh(.init()))
    case .erf: unary(.erf(.init()))
    case .softplus: unary(.softplus(.init()))
    case .scalarAffine:
      unary(.scalarAffine(.init(scale: 0.5, offset: 0.25)))
        + unary(.scalarAffine(.init(scale: -2, offset: 1)))
    case .multiply: [image, row].map { OpSample(.multiply(.init()), [$0, $0]) }
    case .concat:
      [image, row].map { OpSample(.concat(.init(count: 3)), [$0, $0, $0]) } + unary(.concat(.init(count: 1)))
    case .reflectPad:
      [Padding(top: 1, left: 2, bottom: 3, right: 0), .zero].map {
        OpSample(.reflectPad(.init(padding: $0)), [image])
      }
    case .generalizedMeanPool: [OpSample(.generalizedMeanPool(.init(exponent: 2.5)), [image])]
    case .logSoftmax: [OpSample(.logSoftmax(.init()), [row])]
    }
  }

  /// On an image and on a row.
  private static func unary(_ op: Op) -> [OpSample] { [OpSample(op, [image]), OpSample(op, [row])] }

  private static let windows = [
    Window(kernel: Extent(3, 2), strides: Extent(2, 2), padding: Padding(1), ceilMode: true),
    Window(kernel: Extent(1, 1), strides: Extent(1, 1)),
  ]

  private static var convolutions: [OpSample] {
    let weight = TensorType(batched: false, [3, 3, 3, 3])
    return [
      OpSample(
        .conv2d(.init(strides: Extent(2, 2), padding: Padding(1), groups: 3)),
        [image, TensorType(batched: false, [6, 1, 3, 3])]),
      OpSample(
        .conv2d(.init(padding: Padding(1), hasBias: true, hasResidual: true, activation: .relu)),
        [image, weight, channels, image]),
      OpSample(.conv2d(.init()), [image, TensorType(batched: false, [4, 3, 1, 1])]),
      OpSample(.conv2d(.init(padding: Padding(2), dilations: Extent(2, 3))), [image, weight]),
    ]
  }

  /// A network of a picture, what the operation needs, the operation as `%sample`, and a classifier.
  package func model(seed: UInt64) throws -> Model {
    var builder = GraphBuilder(name: op.mnemonic)
    let input = try builder.input("input", Self.image)
    var values: [ValueID] = []
    for (index, type) in operands.enumerated() {
      if !type.batched {
        values.append(try builder.constant("constant\(index)", shape: type.dims))
      } else if type == Self.image {
        values.append(input)
      } else {
        let pooled = try builder.append(.globalAveragePool(.init()), [input], name: "pooled\(index)")
        values.append(
          type.isImage ? pooled : try builder.append(.flatten(.init()), [pooled], name: "row\(index)"))
      }
    }
    var x = try builder.append(op, values, name: "sample")
    if builder[x].type.isImage {
      x = try builder.append(.globalAveragePool(.init()), [x], name: "pool")
      x = try builder.append(.flatten(.init()), [x], name: "features")
    }
    let weight = try builder.constant("fc.weight", shape: [4, builder[x].type.elementCount])
    let bias = try builder.constant("fc.bias", shape: [4])
    try builder.output(
      GraphOutput.logits, try builder.append(.linear(.init(hasBias: true)), [x, weight, bias], name: "fc"))
    return try .random(builder.build(), seed: seed)
  }
}
