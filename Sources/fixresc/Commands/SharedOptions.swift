import FixresFormats
import FixresIR

/// Options that several commands share, each declared once.
enum Shared {
  static let output = Option(
    "--output", short: "-o", "FILE", kind: .file(.output()), required: true, "where to write the result")

  // What the weights of a checkpoint cannot say; import's own, and of every command that takes a MODEL.
  static let architecture = Option(
    "--arch", "NAME", kind: .text,
    "architecture, such as resnet50 or resnet50-v1; the default is read from the weights")
  static let key = Option(
    "--key", "PATH", kind: .text, "where in the checkpoint the weights lie, such as model.ema")
  static let ignore = Option(
    "--ignore", "PATTERN", kind: .text, repeatable: true,
    "leave out tensors that nothing explains, by their names; `*` is any text")
  static let graphOutput = Option(
    "--graph-output", "NAME", kind: .text,
    "the output of an ONNX graph that gives the scores (default: the one that most nodes work for)")
  static let epsilon = Option(
    "--bn-eps", "X", kind: .number(0...1), "epsilon of the batch norms (default 1e-5)")
  static let finetuned = Option(
    "--finetuned", "FILE", kind: .file(.model),
    "lay fine-tuned parameters from a second checkpoint over the first, whole or partial")
  static let labels = Option(
    "--labels", "FILE", kind: .file(.input), "class names, one a line, in the order of the logits")
  static let trainResolution = Option(
    "--train-resolution", "K", kind: .size, "the crop that the network was trained on")
  static let preprocess = Option(
    "--preprocess", "NAME", kind: .choice(PicturePreset.allCases.map(\.rawValue)),
    "resize pictures as torchvision, torchvision-v2, fixres, timm or hf does (default: what the model says)")
  static let resizeSide = Option(
    "--resize-side", "K", kind: .integer(1...32768),
    "resize to K before the crop, and in proportion for crops of other sizes")
  static let cropShare = Option(
    "--crop-share", "X", kind: .number(0.001...1), "the crop's share of the resized side, such as 0.95")
  static let filter = Option(
    "--filter", "NAME", kind: .choice(Preprocessing.Interpolation.allCases.map(\.rawValue)),
    "resampling filter, Pillow's of that name")
  static let channelOrder = Option(
    "--channel-order", "ORDER", kind: .choice(Preprocessing.ChannelOrder.allCases.map(\.rawValue)),
    "the input's first channel: red (rgb) or blue (bgr)")
  static let inputScale = Option(
    "--input-scale", "S", kind: .choice(Preprocessing.InputScale.allCases.map { "\($0.rawValue)" }),
    "values of 0 to S before mean and std: 1 or 255")
  static let mean = Option(
    "--mean", "R,G,B", kind: .channels, "mean of each channel, in the input's order and on its scale")
  static let deviation = Option(
    "--std", "R,G,B", kind: .channels, "standard deviation of each channel, likewise")
  static let reference = Option(
    "--reference", "IN:OUT", kind: .pair, repeatable: true,
    "an input (.npy or picture) and what your own program gave for it (.npy, JSON): proves or finds the facts"
  )
  static let network = Option(
    "--network", "FACT=VALUE,...", kind: .text,
    "facts that weights do not tell, such as activation=silu,strides=1,2,2,1; `inspect` lists them all")
  static let outputs = Option(
    "--outputs", "MEANING", kind: .choice(["logits", "softmax", "sigmoid"]),
    "how scores become probabilities: logits (softmax, or the sigmoid of a single one), softmax, sigmoid of each"
  )

  static let model = OptionGroup(
    "What the checkpoint does not say",
    [
      architecture, key, ignore, graphOutput, network, outputs, epsilon, finetuned, labels, trainResolution,
      preprocess, resizeSide, cropShare, filter, channelOrder, inputScale, mean, deviation, reference,
    ])

  static let threads = Option(
    "--threads", "N", kind: .integer(1...1024), "threads (default: the CPUs allowed here)")
  static let exact = Option("--exact", "no Winograd: every convolution as a plain sum")
  static let engine = OptionGroup("Engine", [threads, exact])

  static let exif = Option("--exif", "turn pictures as their EXIF orientation says")
  static let maximumPixels = Option(
    "--max-pixels", "N", kind: .integer(1...(1 << 40)), "refuse larger pictures (default 89478485)")
  static let pictures = OptionGroup(
    "Pictures", [exif, maximumPixels, PictureFolder.allPictures, PictureFolder.maximumFailures])

  static let modelArgument = Argument(
    "MODEL", .one, kind: .file(.model), "a model file or any checkpoint that `import` accepts")
}
