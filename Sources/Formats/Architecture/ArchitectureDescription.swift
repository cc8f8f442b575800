import FixresIR

/// A residual network as its named weights and stated facts describe it, before an input resolution is chosen.
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
    /// A layer without weights, or none.
    case plain(StemPoolKind)
    /// ResNet-RS: a strided 3x3 convolution with batch norm and activation.
    case convolution(Convolution)

    /// The fact that says so.
    package var kind: StemPoolKind {
      switch self {
      case .plain(let kind): kind
      case .convolution: .convolution
      }
    }
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
    /// ResNet-D: a 2x2 average pool (`ceil_mode`, padding not counted), then a 1x1 convolution, the file's
    /// `downsample.MODULE`, and its batch norm behind it.
    case averagePool(Convolution, module: Int)
    /// No weights: pixels are left out or averaged, and zero channels added.
    case free(averages: Bool, zerosAtEnd: Bool)
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
    /// Distance between the taps of the first 3x3 convolution, and of a 3x3 projection.
    package var firstDilation = 1
    /// Distance between the taps of the other 3x3 convolutions.
    package var dilation = 1
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

  /// A layer behind the pooled features.
  package enum HeadLayer: Hashable, Sendable {
    /// A fully connected layer, its parameters below the module `name`.
    case linear(name: String, outputs: Int, hasBias: Bool)
    /// A batch norm of rows, with or without scale and shift.
    case batchNorm(name: String, hasScale: Bool, hasShift: Bool)
    /// A non-linear function.
    case activation(ActivationFunction)
  }

  /// Normalisation that the network applies to its input, for each channel.
  package struct InputNormalisation: Hashable, Sendable {
    package var mean: [Float]
    package var standardDeviation: [Float]
  }

  /// The layers before the first stage.
  package var stem: Stem
  /// The blocks of each stage.
  package var stages: [[Block]]
  /// The layers behind the pooled features, activations included; empty where there is no classifier.
  package var head: [HeadLayer]
  /// Channels of the pictures: 1, 3 or 4.
  package var inputChannels: Int
  /// What the network subtracts from its input and divides it by; nil where it does neither.
  package var inputNormalisation: InputNormalisation?
  /// The function behind the stem and behind each block.
  package var activation = ActivationFunction.relu
  /// The function between the convolutions of a block.
  package var innerActivation = ActivationFunction.relu
  /// How channel attention ends.
  package var gate = GateKind.sigmoid
  /// Low-pass filters at the strides.
  package var antiAliasing = AntiAliasing.none
  /// How the last map becomes features.
  package var pool = GlobalPool.average
  /// Which convolution of a bottleneck has the stride.
  package var stridePlacement = StridePlacement.secondConvolution
  /// Epsilon of every batch norm.
  package var batchNormEpsilon: Double = 1e-5
  /// What the scores of the head mean.
  package var outputs = OutputMeaning.logits

  /// Blocks in each stage.
  package var depths: [Int] { stages.map(\.count) }
  /// Channels of the last map.
  package var mapChannels: Int { stages.last?.last?.outputs ?? stem.outputs }
  /// Pooled features, which the head reads.
  package var features: Int { mapChannels * pool.featuresPerChannel }
  /// Outputs of the classifier; 0 where there is none.
  package var classes: Int {
    for case .linear(_, let outputs, _) in head.reversed() { return outputs }
    return head.isEmpty ? 0 : features
  }
  /// All blocks in order.
  package var blocks: [Block] { stages.flatMap { $0 } }
  /// True for the networks of 32x32 images: one 3x3 convolution as stem.
  package var hasCIFARStem: Bool { !stem.isDeep && stem.convolutions.first?.kernel == 3 }
  /// True where `stridePlacement` changes the network.
  package var hasStridedBottleneck: Bool { blocks.contains { $0.kind == .bottleneck && $0.stride > 1 } }
  /// Side of the square training images, in pixels, that is assumed where nothing states it.
  package var defaultTrainResolution: Int { hasCIFARStem ? 32 : 224 }
}
