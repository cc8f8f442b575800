/// A residual network as its named weights describe it, before an input resolution is chosen.
package struct ArchitectureDescription: Hashable, Sendable {
  /// One convolution, read off its weight `[outputs, inputs / groups, kernel, kernel]`.
  package struct Convolution: Hashable, Sendable {
    /// Input channels.
    package var inputs: Int
    /// Output channels.
    package var outputs: Int
    /// Side of the square kernel, in pixels.
    package var kernel: Int
    /// Number of channel groups.
    package var groups: Int = 1
    /// True where the weights hold a bias `[outputs]`.
    package var hasBias: Bool = false
  }

  /// The down-sampling layer between stem and first stage.
  package enum StemPool: Hashable, Sendable {
    /// No layer: CIFAR networks.
    case none
    /// Max pool 3x3, stride 2, padding 1.
    case max
    /// Max pool 3x3, stride 2, no padding, `ceil_mode`: the last window may be partial (Caffe).
    case maxCeil
    /// ResNet-RS: a strided 3x3 convolution with batch norm and activation.
    case convolution(Convolution)
  }

  /// The layers before the first stage.
  package struct Stem: Hashable, Sendable {
    /// One 7x7 convolution (3x3 for CIFAR), or the three 3x3 convolutions of a deep stem.
    package var convolutions: [Convolution]
    /// Stride of the first convolution.
    package var stride: Int
    /// The layer behind the convolutions.
    package var pool: StemPool

    /// True for a stem of more than one convolution (ResNet-C, -D, -S, -T).
    package var isDeep: Bool { convolutions.count > 1 }
    /// Channels that the first stage reads.
    package var outputs: Int { convolutions.last?.outputs ?? 0 }
  }

  /// The path of a block beside its convolutions.
  package enum Shortcut: Hashable, Sendable {
    /// The input itself.
    case identity
    /// Option B of the ResNet paper: a strided convolution and its batch norm.
    case convolution(Convolution)
    /// ResNet-D: a 2x2 average pool (`ceil_mode`, padding not counted), then a 1x1 convolution and its batch
    /// norm.
    case averagePool(Convolution)
    /// Option A of the ResNet paper: strided subsampling and zero channels on both sides.
    case subsample
  }

  /// Squeeze-and-excitation: global average pool, reduce, ReLU, expand, sigmoid, scale.
  package struct SqueezeExcitation: Hashable, Sendable {
    /// Channels between the two layers.
    package var reduced: Int
    /// True where both layers have a bias.
    package var hasBias: Bool
    /// 4 where the two layers are stored as 1x1 convolutions, 2 where they are linear layers.
    package var weightRank: Int
    /// Module name of the first layer inside the block, such as `se.fc1`.
    package var reduceName: String
    /// Module name of the second layer inside the block, such as `se.fc2`.
    package var expandName: String
  }

  /// The convolutions of a block: two 3x3, or 1x1, 3x3 and 1x1.
  package enum BlockKind: String, Hashable, Sendable { case basic, bottleneck }

  /// One residual block.
  package struct Block: Hashable, Sendable {
    /// Module name, such as `layer1.0`.
    package var name: String
    /// Which convolutions it has.
    package var kind: BlockKind
    /// Down-sampling factor of height and width.
    package var stride: Int
    /// The convolutions in order.
    package var convolutions: [Convolution]
    /// The path beside the convolutions.
    package var shortcut: Shortcut
    /// Channel attention behind the last convolution; nil where there is none.
    package var squeezeExcitation: SqueezeExcitation?

    /// Input channels.
    package var inputs: Int { convolutions.first?.inputs ?? 0 }
    /// Output channels.
    package var outputs: Int { convolutions.last?.outputs ?? 0 }
  }

  /// Which convolution of a bottleneck has the stride; weights do not tell.
  package enum StridePlacement: String, Hashable, Sendable {
    /// The first 1x1 convolution (v1: the paper, Caffe).
    case firstConvolution
    /// The 3x3 convolution (v1.5: torchvision, timm).
    case secondConvolution
  }

  /// The layers before the first stage.
  package var stem: Stem
  /// The blocks of each stage.
  package var stages: [[Block]]
  /// Outputs of the classifier.
  package var classes: Int
  /// Which convolution of a bottleneck has the stride.
  package var stridePlacement: StridePlacement = .secondConvolution
  /// Epsilon of every batch norm.
  package var batchNormEpsilon: Double = 1e-5

  /// Blocks in each stage.
  package var depths: [Int] { stages.map(\.count) }
  /// Inputs of the classifier.
  package var features: Int { stages.last?.last?.outputs ?? stem.outputs }
  /// All blocks in order.
  package var blocks: [Block] { stages.flatMap { $0 } }
  /// True for the networks of 32x32 images: a 3x3 stem without stride or pooling.
  package var hasCIFARStem: Bool { !stem.isDeep && stem.stride == 1 }
  /// True where `stridePlacement` changes the network.
  package var hasStridedBottleneck: Bool { blocks.contains { $0.kind == .bottleneck && $0.stride > 1 } }
  /// Side of the square training images, in pixels, that is assumed where nothing states it.
  package var defaultTrainResolution: Int { hasCIFARStem ? 32 : 224 }
}
