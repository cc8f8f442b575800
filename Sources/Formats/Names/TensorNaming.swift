/// A family of tensor names, by the libraries that write it.
package enum TensorNaming: String, Hashable, Sendable {
  /// `layer1.0.conv1.weight`: torchvision, timm and most others.
  case torchvision
  /// `resnet.encoder.stages.0.layers.0.layer.0.convolution.weight`
  case huggingFace = "hugging face"
  /// `layer0.conv1.weight`, `se_module`, `last_linear`: the SENet family with Caffe's conventions.
  case senet
  /// `layer2.0.shortcut.0.weight`, `linear.weight`: the usual CIFAR scripts.
  case cifar
  /// `res2.0.conv1.norm.weight`: detectron2.
  case detectron = "detectron2"
  /// `features.stage1.unit1.body.conv1.conv.weight`: pytorchcv.
  case pytorchCV = "pytorchcv"
  /// `4.0.conv1.weight`: children by their numbers in an `nn.Sequential`.
  case numbered
  /// Names of no known library, read by their order and shapes.
  case other
}
