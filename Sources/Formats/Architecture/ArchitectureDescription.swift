/// The network that a set of named weights describes, before any resolution is chosen.
package struct ArchitectureDescription: Hashable, Sendable {
  /// One convolution, as its weight `[outputs, inputs / groups, kernel, kernel]` tells it.
  package struct Convolution: Hashable, Sendable {
    package var inputs: Int
    package var outputs: Int
    package var kernel: Int
    package var groups: Int = 1
    package var hasBias: Bool = false
  }

  package enum StemPool: Hashable, Sendable {
    /// CIFAR networks: none.
    case none
    /// 3x3, stride 2, padding 1.
    case max
    /// 3x3, stride 2, no padding, last window cut (Caffe's rounding).
    case maxCeil
    /// ResNet-RS: a strided 3x3 convolution with batch norm and activation.
    case convolution(Convolution)
  }

  package struct Stem: Hashable, Sendable {
    /// One 7x7 (or, for CIFAR, 3x3) convolution, or three of a deep stem.
    package var convolutions: [Convolution]
    /// Stride of the first convolution.
    package var stride: Int
    package var pool: StemPool

    package var isDeep: Bool { convolutions.count > 1 }
    package var outputs: Int { convolutions.last?.outputs ?? 0 }
  }

  package enum Shortcut: Hashable, Sendable {
    case identity
    /// A strided convolution and its batch norm: option B.
    case convolution(Convolution)
    /// ResNet-D: 2x2 average pool (whole windows not required, padding not counted), then a 1x1 convolution.
    case averagePool(Convolution)
    /// Option A: every second pixel, and zero channels on both sides.
    case subsample
  }

  /// Squeeze-and-excitation: pool, reduce, ReLU, expand, sigmoid, scale.
  package struct SqueezeExcitation: Hashable, Sendable {
    package var reduced: Int
    package var hasBias: Bool
    /// Rank 4 where the two layers are stored as 1x1 convolutions, 2 where they are linear.
    package var weightRank: Int
    /// Module names inside the block: `se.fc1`, `se.fc2`.
    package var reduceName: String
    package var expandName: String
  }

  package enum BlockKind: String, Hashable, Sendable { case basic, bottleneck }

  package struct Block: Hashable, Sendable {
    /// `layer1.0`
    package var name: String
    package var kind: BlockKind
    package var stride: Int
    package var convolutions: [Convolution]
    package var shortcut: Shortcut
    package var squeezeExcitation: SqueezeExcitation?

    package var inputs: Int { convolutions.first?.inputs ?? 0 }
    package var outputs: Int { convolutions.last?.outputs ?? 0 }
  }

  /// Where the stride of a bottleneck sits: not in the weights.
  package enum StridePlacement: String, Hashable, Sendable {
    /// The first 1x1 convolution (v1: the paper, Caffe).
    case firstConvolution
    /// The 3x3 convolution (v1.5: torchvision, timm).
    case secondConvolution
  }

  package var stem: Stem
  package var stages: [[Block]]
  package var classes: Int
  package var stridePlacement: StridePlacement = .secondConvolution
  package var batchNormEpsilon: Double = 1e-5

  package var depths: [Int] { stages.map(\.count) }
  package var features: Int { stages.last?.last?.outputs ?? stem.outputs }
  package var blocks: [Block] { stages.flatMap { $0 } }
  /// True for the networks of 32x32 pictures: a 3x3 stem without stride or pooling.
  package var hasCIFARStem: Bool { !stem.isDeep && stem.stride == 1 }
  package var hasStridedBottleneck: Bool { blocks.contains { $0.kind == .bottleneck && $0.stride > 1 } }
  package var defaultTrainResolution: Int { hasCIFARStem ? 32 : 224 }
}
