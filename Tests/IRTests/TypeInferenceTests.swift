import FixresIR
import Testing

/// Types of results, and what does not fit. Sizes were computed by torch 2.13 (`max_pool2d`, `avg_pool2d`).
@Suite struct TypeInferenceTests {
  private func infer(_ op: Op, _ operands: [TensorType]) throws(TypeFault) -> TensorType {
    try op.inferType(operands)
  }

  /// Side, kernel, stride, padding, ceil mode, resulting side; 0 where torch refuses.
  private static let pools: [(Int, Int, Int, Int, Bool, Int)] = [
    (9, 3, 1, 1, false, 9), (8, 1, 2, 0, true, 4), (8, 4, 1, 2, true, 9), (7, 4, 3, 0, false, 2),
    (13, 2, 1, 0, false, 12), (15, 2, 2, 0, false, 7), (1, 2, 2, 0, false, 0), (10, 3, 2, 0, true, 5),
    (7, 4, 3, 0, true, 2), (6, 2, 3, 0, true, 2), (1, 5, 3, 0, true, 0), (10, 4, 3, 0, true, 3),
    (6, 1, 3, 0, false, 2), (12, 4, 1, 2, false, 13), (12, 4, 1, 1, true, 11), (6, 5, 2, 0, false, 1),
    (15, 3, 3, 1, false, 5), (4, 5, 3, 1, true, 2), (3, 2, 3, 1, false, 2), (11, 3, 1, 1, false, 11),
    (10, 2, 1, 0, false, 9), (10, 4, 2, 2, true, 6), (13, 1, 2, 0, false, 7), (15, 4, 2, 0, false, 6),
    (2, 4, 3, 0, true, 1), (5, 4, 1, 0, true, 2), (5, 1, 4, 0, true, 2), (6, 5, 4, 1, false, 1),
    (11, 4, 3, 1, true, 4), (5, 1, 4, 0, false, 2), (16, 3, 2, 0, true, 8), (17, 5, 3, 0, false, 5),
    (12, 5, 1, 1, true, 10), (9, 4, 3, 2, false, 4), (11, 2, 1, 1, true, 12), (9, 3, 3, 1, true, 4),
    (17, 3, 3, 1, false, 6), (14, 3, 2, 1, false, 7), (11, 5, 2, 2, false, 6), (7, 3, 4, 1, false, 2),
    (14, 2, 4, 1, false, 4), (9, 1, 2, 0, true, 5), (6, 2, 2, 0, false, 3), (8, 2, 1, 0, true, 7),
    (6, 4, 2, 2, true, 4), (15, 3, 4, 0, true, 4), (8, 3, 1, 1, true, 8), (9, 4, 1, 2, false, 10),
    (12, 1, 3, 0, true, 4), (14, 4, 3, 1, true, 5), (13, 5, 4, 0, false, 3), (3, 3, 1, 1, true, 3),
    (5, 3, 4, 1, true, 2), (8, 4, 3, 1, false, 3), (13, 4, 2, 2, true, 8), (10, 4, 3, 1, true, 4),
    (4, 5, 4, 0, true, 1), (5, 4, 1, 1, true, 4), (9, 2, 4, 0, true, 3), (9, 2, 3, 1, true, 4),
    (16, 5, 1, 0, false, 12), (10, 3, 3, 1, false, 4), (1, 4, 3, 1, false, 0), (5, 1, 1, 0, true, 5),
    (4, 5, 2, 0, true, 1), (14, 5, 4, 1, true, 4), (7, 3, 4, 0, true, 2), (1, 4, 3, 2, false, 1),
    (10, 2, 2, 1, false, 6), (16, 3, 2, 1, true, 9), (2, 1, 2, 0, false, 1), (3, 1, 3, 0, false, 1),
    (13, 4, 1, 0, false, 10), (8, 5, 1, 2, false, 8), (10, 4, 2, 0, false, 4), (14, 2, 1, 0, true, 13),
    (4, 4, 1, 1, true, 3), (4, 4, 2, 0, true, 1), (11, 5, 4, 1, true, 3), (12, 1, 2, 0, true, 6),
    (17, 3, 2, 1, true, 9), (8, 3, 3, 0, false, 2), (12, 4, 4, 0, true, 3), (1, 3, 1, 0, true, 0),
    (15, 4, 3, 0, false, 4), (1, 5, 4, 0, false, 0), (14, 2, 1, 0, false, 13), (16, 2, 2, 1, true, 9),
    (8, 3, 3, 1, false, 3), (13, 2, 3, 1, false, 5), (14, 3, 1, 0, false, 12), (13, 1, 1, 0, true, 13),
    (7, 2, 1, 1, false, 8), (16, 3, 1, 1, true, 16), (14, 3, 4, 1, true, 4), (5, 2, 1, 1, false, 6),
    (16, 2, 3, 0, true, 6), (6, 3, 2, 0, true, 3), (2, 3, 3, 1, false, 1), (1, 4, 4, 0, true, 1),
    (11, 3, 4, 0, false, 3), (6, 1, 2, 0, true, 3), (3, 5, 4, 2, true, 2), (10, 2, 4, 1, true, 3),
    (2, 5, 4, 2, false, 1), (1, 4, 1, 1, false, 0), (8, 4, 1, 1, true, 7), (8, 1, 4, 0, false, 2),
    (2, 3, 4, 1, true, 1), (13, 2, 2, 0, false, 6), (4, 1, 2, 0, false, 2), (7, 5, 1, 1, true, 5),
    (16, 4, 4, 2, false, 5), (1, 3, 4, 0, true, 1), (5, 3, 4, 0, false, 1), (9, 4, 3, 0, true, 3),
    (3, 4, 2, 2, true, 3), (14, 5, 2, 1, true, 7), (8, 1, 2, 0, false, 4), (4, 1, 4, 0, true, 1),
    (1, 3, 2, 0, true, 0), (1, 1, 4, 0, true, 1), (13, 5, 2, 1, true, 6), (6, 2, 3, 1, false, 3),
    (10, 1, 1, 0, true, 10), (2, 2, 3, 1, false, 1), (1, 2, 4, 0, true, 1), (11, 3, 1, 0, true, 9),
    (5, 4, 4, 1, true, 2), (11, 4, 2, 1, true, 6), (6, 4, 1, 2, false, 7), (16, 4, 1, 0, true, 13),
    (14, 1, 2, 0, true, 7), (8, 4, 3, 1, true, 3), (7, 3, 2, 1, true, 4), (12, 2, 3, 1, false, 5),
    (2, 5, 4, 1, true, 1), (5, 2, 4, 1, true, 2), (6, 4, 1, 2, true, 7), (3, 2, 4, 0, true, 1),
    (6, 4, 1, 1, false, 5), (10, 5, 4, 2, true, 3), (13, 4, 1, 2, true, 14), (14, 3, 1, 0, true, 12),
    (3, 1, 1, 0, false, 3), (14, 3, 1, 1, false, 14), (8, 1, 1, 0, false, 8), (10, 3, 2, 1, true, 6),
    (4, 2, 3, 1, true, 2), (1, 4, 4, 0, false, 0), (17, 2, 3, 1, true, 6), (12, 2, 1, 0, true, 11),
    (9, 5, 1, 0, true, 5), (14, 2, 2, 0, true, 7), (14, 4, 2, 1, true, 7), (8, 3, 4, 1, true, 3),
    (11, 2, 4, 0, true, 3), (10, 5, 2, 1, true, 5), (4, 3, 1, 0, false, 2), (5, 5, 1, 1, true, 3),
    (15, 4, 2, 2, false, 8), (16, 1, 1, 0, false, 16), (4, 1, 3, 0, true, 2), (4, 5, 4, 2, true, 2),
    (6, 5, 1, 1, true, 4), (3, 2, 2, 1, true, 2), (15, 1, 2, 0, false, 8), (15, 4, 1, 0, false, 12),
    (12, 2, 1, 1, true, 13), (11, 1, 4, 0, true, 3), (10, 4, 1, 2, true, 11), (14, 3, 1, 1, true, 14),
    (14, 2, 3, 0, true, 5), (4, 5, 4, 1, false, 1), (13, 2, 1, 1, true, 14), (3, 1, 2, 0, false, 2),
    (1, 3, 4, 1, false, 1), (15, 1, 4, 0, false, 4), (16, 5, 1, 0, true, 12), (17, 4, 1, 0, true, 14),
    (14, 4, 4, 0, false, 3), (6, 3, 2, 1, false, 3), (14, 1, 3, 0, true, 5), (1, 1, 2, 0, true, 1),
    (13, 1, 4, 0, true, 4), (1, 4, 3, 2, true, 1), (15, 2, 1, 1, false, 16), (5, 3, 3, 0, true, 2),
    (17, 5, 1, 1, true, 15), (13, 3, 3, 1, false, 5), (15, 2, 2, 1, true, 8), (1, 4, 2, 0, true, 0),
    (2, 1, 1, 0, true, 2), (17, 5, 2, 1, true, 8), (17, 2, 1, 1, false, 18), (1, 5, 3, 1, true, 1),
    (4, 3, 3, 1, false, 2), (10, 2, 1, 1, true, 11), (7, 5, 4, 0, false, 1), (10, 5, 3, 1, true, 4),
  ]

  @Test func poolsHaveTorchsSizes() {
    for (side, kernel, stride, padding, ceilMode, expected) in Self.pools {
      let window = Window(
        kernel: Extent(kernel, 1), strides: Extent(stride, 1),
        padding: Padding(top: padding, left: 0, bottom: padding, right: 0), ceilMode: ceilMode)
      let type = try? infer(.maxPool(.init(window: window)), [.image(2, side, 3)])
      #expect(type == (expected > 0 ? .image(2, expected, 3) : nil), "\(side) \(window)")
      let across = Window(
        kernel: Extent(1, kernel), strides: Extent(1, stride),
        padding: Padding(top: 0, left: padding, bottom: 0, right: padding), ceilMode: ceilMode)
      let average = AveragePool(window: across, countIncludePad: false)
      let turned = try? infer(.averagePool(average), [.image(2, 3, side)])
      #expect(turned == (expected > 0 ? .image(2, 3, expected) : nil), "\(side) \(across)")
    }
  }

  @Test func convolutionsHaveTheFormulasSize() throws {
    for (side, kernel, stride, padding) in [
      (224, 7, 2, 3), (112, 3, 2, 1), (7, 1, 1, 0), (1, 3, 2, 1), (33, 7, 2, 3), (5, 5, 4, 0),
    ] {
      let conv = Conv2D(strides: Extent(square: stride), padding: Padding(padding))
      let type = try infer(
        .conv2d(conv), [.image(3, side, side + 1), TensorType(batched: false, [8, 3, kernel, kernel])])
      let expected = { (side: Int) in (side + 2 * padding - kernel) / stride + 1 }
      #expect(type == .image(8, expected(side), expected(side + 1)))
    }
    #expect(throws: TypeFault.kernelLargerThanInput(kernel: Extent(3, 3), paddedInput: Extent(2, 4))) {
      try infer(.conv2d(.init()), [.image(1, 2, 4), TensorType(batched: false, [1, 1, 3, 3])])
    }
  }

  private static let image = TensorType.image(4, 6, 5)
  private static func constant(_ dims: Int...) -> TensorType { TensorType(batched: false, dims) }

  @Test func operationsGiveTheirTypes() throws {
    let image = Self.image
    let vector = Self.constant(4)
    for (op, operands, expected): (Op, [TensorType], TensorType) in [
      (.batchNorm(.init(epsilon: 0)), [image, vector, vector, vector, vector], image),
      (.relu(.init()), [image], image), (.sigmoid(.init()), [vector], vector),
      (.add(.init()), [image, image], image),
      (.globalAveragePool(.init()), [image], .image(4, 1, 1)),
      (.globalMaxPool(.init()), [image], .image(4, 1, 1)),
      (.flatten(.init()), [image], .features(120)), (.flatten(.init()), [.features(7)], .features(7)),
      (.linear(.init(hasBias: true)), [.features(7), Self.constant(3, 7), Self.constant(3)], .features(3)),
      (.channelMultiply(.init()), [image, .image(4, 1, 1)], image),
      (.softmax(.init()), [.features(3)], .features(3)),
      (.stridedSlice(.init(strides: Extent(2, 3))), [image], .image(4, 3, 2)),
      (.channelPad(.init(before: 1, after: 3)), [image], .image(8, 6, 5)),
      (.scalarAffineClamp(.init(scale: 2, offset: 1)), [.features(3)], .features(3)),
      (.batchNorm(.init(epsilon: 0)), [.features(4), vector, vector, vector, vector], .features(4)),
      (.multiply(.init()), [.features(3), .features(3)], .features(3)),
      (.concat(.init(count: 2)), [image, .image(3, 6, 5)], .image(7, 6, 5)),
      (.concat(.init(count: 2)), [.features(3), .features(4)], .features(7)),
      (
        .reflectPad(.init(padding: Padding(top: 5, left: 4, bottom: 0, right: 1))), [image], .image(4, 11, 10)
      ),
      (.generalizedMeanPool(.init(exponent: 3)), [image], .image(4, 1, 1)),
      (.conv2d(.init(dilations: Extent(2, 1))), [image, Self.constant(6, 4, 3, 3)], .image(6, 2, 3)),
      (.identity(.init()), [vector], vector), (.dropout(.init(rate: 0)), [image], image),
      (
        .conv2d(.init(groups: 2, hasBias: true, hasResidual: true)),
        [image, Self.constant(6, 2, 1, 1), Self.constant(6), .image(6, 6, 5)], .image(6, 6, 5)
      ),
    ] {
      #expect(try infer(op, operands) == expected)
      #expect(throws: TypeFault.self, "\(op) takes \(operands.count) operands") {
        try infer(op, operands + [image])
      }
      #expect(throws: TypeFault.self) { try infer(op, []) }
    }
  }

  @Test func misfitsAreRefused() {
    let image = Self.image
    let vector = Self.constant(4)
    let window = { (kernel: Int, stride: Int, padding: Int) in
      Window(kernel: Extent(square: kernel), strides: Extent(square: stride), padding: Padding(padding))
    }
    let cases: [(Op, [TensorType])] = [
      (.batchNorm(.init(epsilon: 0)), [image, vector, vector, vector, Self.constant(5)]),
      (.batchNorm(.init(epsilon: 0)), [.features(5), vector, vector, vector, vector]),
      (.multiply(.init()), [image, .image(4, 5, 6)]), (.logSoftmax(.init()), [image]),
      (.concat(.init(count: 2)), [image, .image(4, 5, 6)]),
      (.concat(.init(count: 2)), [image, .features(4)]),
      (.concat(.init(count: 1)), [vector]),
      (.reflectPad(.init(padding: Padding(7))), [image]), (.reflectPad(.init(padding: Padding(-1))), [image]),
      (.reflectPad(.init(padding: Padding(.max))), [image]),
      (.generalizedMeanPool(.init(exponent: 0)), [image]),
      (.generalizedMeanPool(.init(exponent: 3, epsilon: 0)), [image]),
      (.generalizedMeanPool(.init(exponent: .infinity)), [image]),
      (.conv2d(.init(dilations: Extent(0, 1))), [image, Self.constant(4, 4, 1, 1)]),
      (.conv2d(.init(dilations: Extent(.max, 1))), [image, Self.constant(4, 4, 3, 3)]),
      (.conv2d(.init(dilations: Extent(3, 3))), [image, Self.constant(4, 4, 3, 3)]),
      (.flatten(.init()), [.image(1 << 20, 1 << 20, 1 << 20)]),
      (.add(.init()), [image, .image(4, 5, 6)]), (.flatten(.init()), [vector]),
      (.linear(.init(hasBias: false)), [.features(7), Self.constant(3, 8)]),
      (.linear(.init(hasBias: true)), [.features(7), Self.constant(3, 7), Self.constant(4)]),
      (.linear(.init(hasBias: false)), [image, Self.constant(3, 4)]),
      (.channelMultiply(.init()), [image, .image(4, 2, 1)]),
      (.channelMultiply(.init()), [image, .image(1, 1, 1)]),
      (.softmax(.init()), [image]), (.globalAveragePool(.init()), [.features(3)]),
      (.stridedSlice(.init(strides: Extent(0, 1))), [image]),
      (.stridedSlice(.init(strides: Extent(1, 1 << 40))), [image]),
      (.channelPad(.init(before: -1, after: 0)), [image]),
      (.channelPad(.init(before: 0, after: .max)), [image]),
      (.maxPool(.init(window: window(0, 1, 0))), [image]),
      (.maxPool(.init(window: window(2, 0, 0))), [image]),
      (.maxPool(.init(window: window(2, 1, -1))), [image]),
      (.maxPool(.init(window: window(3, 1, 2))), [image]),
      (.maxPool(.init(window: window(.max, 1, 0))), [image]),
      (.maxPool(.init(window: window(2, .max, 1))), [image]),
      (.averagePool(.init(window: window(7, 1, 0), countIncludePad: true)), [image]),
      (.conv2d(.init(groups: 0)), [image, Self.constant(4, 4, 1, 1)]),
      (.conv2d(.init(groups: 3)), [image, Self.constant(6, 1, 1, 1)]),
      (.conv2d(.init(groups: -2)), [image, Self.constant(6, 2, 1, 1)]),
      (.conv2d(.init()), [image, Self.constant(4, 3, 1, 1)]),
      (.conv2d(.init()), [image, Self.constant(4, 4, 1)]),
      (.conv2d(.init()), [image, Self.constant(4, 4, 0, 1)]),
      (.conv2d(.init(padding: Padding(.max))), [image, Self.constant(4, 4, 1, 1)]),
      (.conv2d(.init(strides: Extent(.min, 1))), [image, Self.constant(4, 4, 1, 1)]),
      (.conv2d(.init(hasBias: true)), [image, Self.constant(4, 4, 1, 1), Self.constant(5)]),
      (.conv2d(.init(hasResidual: true)), [image, Self.constant(4, 4, 1, 1), .image(4, 6, 6)]),
    ]
    for (op, operands) in cases {
      #expect(throws: TypeFault.self, "\(op) of \(operands)") { try infer(op, operands) }
    }
  }

  @Test func resultsBeyondMemoryAreRefused() {
    let side = 1 << 19
    #expect(throws: TypeFault.tooLarge(.image(1 << 10, side, side))) {
      try infer(.conv2d(.init()), [.image(1, side, side), Self.constant(1 << 10, 1, 1, 1)])
    }
    #expect(throws: TypeFault.self) {
      try infer(.channelPad(.init(before: 1 << 20, after: 1 << 20)), [.image(1, side, side)])
    }
  }
}
