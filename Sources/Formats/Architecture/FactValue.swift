import FixresIR

/// A value of a network's fact that has a form as text.
package protocol FactValue: Hashable, Sendable {
  /// The forms that a text may have, for messages: `relu`, `leaky_relu:SLOPE`.
  static var forms: [String] { get }
  /// Reads what `text` gives; nil for any other text.
  init?(text: String)
  /// The value as options and reports write it.
  var text: String { get }
}

extension FactValue where Self: CaseIterable & RawRepresentable, RawValue == String {
  package static var forms: [String] { allCases.map(\.rawValue) }
  package init?(text: String) { self.init(rawValue: text) }
  package var text: String { rawValue }
}

/// The non-linear function behind the batch norms of a network.
package enum ActivationFunction: FactValue {
  case relu
  /// `x` where positive, else `slope * x`.
  case leakyRelu(slope: Float)
  /// `min(max(x, 0), 6)`.
  case relu6
  /// `x * sigmoid(x)`.
  case silu
  /// `x` times the normal distribution function.
  case gelu
  /// The usual approximation of `gelu` by the hyperbolic tangent.
  case geluTanh
  case hardSwish
  /// `x * tanh(softplus(x))`.
  case mish
  case tanh

  /// The functions in the order in which they are tried and listed; slopes are PyTorch's and YOLO's usual ones.
  package static let usual: [ActivationFunction] = [
    .relu, .silu, .leakyRelu(slope: 0.01), .leakyRelu(slope: 0.1), .gelu, .relu6, .hardSwish, .mish,
    .leakyRelu(slope: 0.2),
  ]

  package static let forms = [
    "relu", "leaky_relu:SLOPE", "relu6", "silu", "gelu", "gelu_tanh", "hardswish", "mish", "tanh",
  ]

  package init?(text: String) {
    switch text {
    case "relu": self = .relu
    case "relu6": self = .relu6
    case "silu", "swish": self = .silu
    case "gelu": self = .gelu
    case "hardswish", "hard_swish": self = .hardSwish
    case "gelu_tanh", "gelu_new": self = .geluTanh
    case "mish": self = .mish
    case "tanh": self = .tanh
    case "leaky_relu", "leakyrelu": self = .leakyRelu(slope: 0.01)
    default:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == "leaky_relu" || parts[0] == "leakyrelu",
        let slope = Float(parts[1]), slope.isFinite, (0...1).contains(slope)
      else { return nil }
      self = .leakyRelu(slope: slope)
    }
  }

  package var text: String {
    switch self {
    case .relu: "relu"
    case .leakyRelu(let slope): "leaky_relu:\(slope)"
    case .relu6: "relu6"
    case .silu: "silu"
    case .gelu: "gelu"
    case .hardSwish: "hardswish"
    case .geluTanh: "gelu_tanh"
    case .mish: "mish"
    case .tanh: "tanh"
    }
  }
}

/// The down-sampling layer between stem and first stage, as a fact.
package enum StemPoolKind: String, FactValue, CaseIterable {
  /// No layer.
  case none
  /// Max pool 3x3, stride 2, padding 1.
  case max
  /// Max pool 3x3, stride 2, no padding, partial windows kept (Caffe).
  case maxCeil = "max-ceil"
  /// Max pool 2x2, stride 2.
  case max2
  /// Average pool 3x3, stride 2, padding 1, zeros counted.
  case average = "avg"
  /// Average pool 2x2, stride 2.
  case average2 = "avg2"
  /// A strided 3x3 convolution with batch norm and activation (ResNet-RS); its weights tell.
  case convolution
}

/// Which convolution of a bottleneck has the stride.
package enum StridePlacement: String, FactValue, CaseIterable {
  /// The first 1x1 convolution (v1: the paper, Caffe).
  case firstConvolution = "1x1"
  /// The 3x3 convolution (v1.5: torchvision, timm).
  case secondConvolution = "3x3"
}

/// Strides of the stages, each that of its first block.
package struct StageStrides: FactValue {
  package var stages: [Int]

  package init(_ stages: [Int]) { self.stages = stages }

  package static let forms = ["a stride of 1 to 8 for each stage, such as 1,2,2,2"]

  package init?(text: String) {
    guard let stages = [Int](factText: text, 1...8) else { return nil }
    self.stages = stages
  }

  package var text: String { stages.map(String.init).joined(separator: ",") }
}

/// Distances between the taps of the 3x3 convolutions of each stage.
package struct StageDilations: FactValue {
  package var stages: [Int]
  /// True where the first 3x3 convolution of a stage has the stage's own dilation; false where it has that of the
  /// stage before, as torchvision and timm put a dilation in the place of a stride.
  package var fillsFirstBlock = false

  package init(_ stages: [Int], fillsFirstBlock: Bool = false) {
    self.stages = stages
    self.fillsFirstBlock = fillsFirstBlock
  }

  package static let forms = ["a dilation of 1 to 64 for each stage, such as 1,1,2,4 or 1,1,2,4,whole"]

  package init?(text: String) {
    let isWhole = text.hasSuffix(",whole")
    guard let stages = [Int](factText: isWhole ? String(text.dropLast(6)) : text, 1...64) else { return nil }
    self.init(stages, fillsFirstBlock: isWhole)
  }

  package var text: String {
    stages.map(String.init).joined(separator: ",") + (fillsFirstBlock ? ",whole" : "")
  }
}

extension [Int] {
  /// Up to 16 numbers in `range` between commas.
  fileprivate init?(factText text: String, _ range: ClosedRange<Int>) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { NameMap.index($0) }
    guard numbers.count == parts.count, numbers.count <= 16, numbers.allSatisfy(range.contains) else {
      return nil
    }
    self = numbers
  }
}

/// How channel attention ends.
package enum GateKind: String, FactValue, CaseIterable {
  case sigmoid
  /// `relu6(x + 3) / 6`.
  case hardSigmoid = "hard_sigmoid"
  /// Sigmoid, and a ReLU between the last batch norm and the attention (timm's legacy_seresnet18 and 34).
  case sigmoidBehindRelu = "relu-then-sigmoid"
}

/// The path beside a block's convolutions where a block changes its shape, as a fact.
package enum ShortcutKind: String, FactValue, CaseIterable {
  /// Option B of the ResNet paper: a strided convolution and its batch norm.
  case projection
  /// ResNet-D: a 2x2 average pool, then a 1x1 convolution and its batch norm.
  case averaged
  /// Option A of the ResNet paper: every second pixel, zero channels on both sides.
  case zerosBoth = "zeros-both"
  /// Option A with all zero channels behind the others.
  case zerosEnd = "zeros-end"
  /// A 2x2 average pool and zero channels on both sides.
  case averagedZerosBoth = "averaged-zeros-both"
  /// A 2x2 average pool and all zero channels behind the others.
  case averagedZerosEnd = "averaged-zeros-end"

  /// True where the path has no weights.
  package var isFree: Bool { self != .projection && self != .averaged }
}

/// Low-pass filters at the strides, without weights.
package enum AntiAliasing: String, FactValue, CaseIterable {
  case none
  /// Binomial 3x3 filter with reflected borders (Zhang 2019; timm's resnetblur).
  case blur3
  /// 2x2 average pool (timm's resnetaa).
  case average2 = "avg2"
}

/// How the last map becomes features.
package enum GlobalPool: FactValue {
  case average
  case maximum
  /// Half the sum of average and maximum.
  case averageMaximum
  /// Averages, then maxima: twice the features.
  case concatAverageMaximum
  /// Maxima, then averages (fastai).
  case concatMaximumAverage
  /// Generalised mean (Radenović et al. 2018, section 3.2): `mean(max(x, 1e-6)^p)^(1/p)`.
  case generalisedMean(exponent: Double)

  package static let forms = ["avg", "max", "avgmax", "catavgmax", "catmaxavg", "gem:EXPONENT"]

  package init?(text: String) {
    switch text {
    case "avg": self = .average
    case "max": self = .maximum
    case "avgmax": self = .averageMaximum
    case "catavgmax": self = .concatAverageMaximum
    case "catmaxavg": self = .concatMaximumAverage
    default:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == "gem", let exponent = Double(parts[1]), exponent > 0, exponent <= 64
      else { return nil }
      self = .generalisedMean(exponent: exponent)
    }
  }

  package var text: String {
    switch self {
    case .average: "avg"
    case .maximum: "max"
    case .averageMaximum: "avgmax"
    case .concatAverageMaximum: "catavgmax"
    case .concatMaximumAverage: "catmaxavg"
    case .generalisedMean(let exponent):
      "gem:" + (exponent == exponent.rounded() ? "\(Int(exponent))" : "\(exponent)")
    }
  }

  /// Features for each channel of the map.
  package var featuresPerChannel: Int {
    switch self {
    case .concatAverageMaximum, .concatMaximumAverage: 2
    case .average, .maximum, .averageMaximum, .generalisedMean: 1
    }
  }
}

/// The layers behind the pooled features, as a fact: `bn-linear-relu-linear`; `none` without any.
package struct HeadLayers: FactValue {
  /// One layer.
  package enum Layer: Hashable, Sendable {
    case linear, batchNorm
    case activation(ActivationFunction)
  }

  package var layers: [Layer]

  package init(_ layers: [Layer]) { self.layers = layers }

  package static let forms = ["layers such as linear-relu-linear: linear, bn, and activations"]

  package init?(text: String) {
    guard text != "none" else {
      layers = []
      return
    }
    layers = []
    for part in text.split(separator: "-", omittingEmptySubsequences: false) {
      switch part {
      case "linear": layers.append(.linear)
      case "bn": layers.append(.batchNorm)
      default:
        guard let activation = ActivationFunction(text: String(part)) else { return nil }
        layers.append(.activation(activation))
      }
    }
    guard layers.count <= 64 else { return nil }
  }

  package var text: String {
    guard !layers.isEmpty else { return "none" }
    return layers.map { layer in
      switch layer {
      case .linear: "linear"
      case .batchNorm: "bn"
      case .activation(let function): function.text
      }
    }.joined(separator: "-")
  }

  /// The layers that have weights.
  var weighted: [Layer] { layers.filter { if case .activation = $0 { false } else { true } } }
}

extension OutputMeaning: FactValue {}
