import FixresIR
import FixresPasses
import FixresRuntime

/// What `Adaptation` does to a model.
public struct AdaptationOptions: Sendable {
  /// New batch-norm statistics at the test resolution, computed over pictures without labels.
  public struct BatchNorms: Sendable {
    /// The pictures to compute them from.
    public var pictures: LabelledPictures
    /// The batch norms whose statistics are recomputed.
    public var layers = BatchNormLayers.last
    /// Number of images that the old statistics count as; 0 replaces them.
    public var prior = 0.0

    /// Statistics of the last batch norm, over `pictures`.
    public init(pictures: LabelledPictures) { self.pictures = pictures }
  }

  /// The pooled features mapped onto their law at the training resolution
  /// ("Fixing the train-test resolution discrepancy", appendix A).
  public struct FeatureLaw: Sendable {
    /// The pictures that the laws at both resolutions are fitted to.
    public var pictures: LabelledPictures
    /// Absorb the map in the classifier, zeros and negative values included, instead of inserting a layer.
    public var isAbsorbed = false

    /// A layer that is fitted to `pictures`.
    public init(pictures: LabelledPictures) { self.pictures = pictures }
  }

  /// The test resolution; nil keeps the model's own.
  public var resolution: Extent?
  /// Names of the passes to run, in order; nil for all of them.
  public var passes: [String]?
  /// Batch-norm statistics to recompute at the test resolution.
  public var batchNorms: BatchNorms?
  /// The law that pooled features are mapped onto.
  public var featureLaw: FeatureLaw?
  /// Classify windows of the training map and combine their scores (timm's TestTimePoolHead).
  public var usesTestPool = false
  /// Compare the logits before and after folding and fusing, and refuse a difference beyond rounding.
  public var proves = true
  /// Run the network before and after each pass through the reference interpreter, and refuse a difference beyond
  /// `PassVerification.tolerance`; takes seconds a pass.
  public var verifiesPasses = false
  /// Measure which kernels run each convolution fastest on this machine, and store the choices in the model.
  public var tunes = false
  /// Store the weights as this machine's kernels read them, beside the plain ones.
  public var packs = false
  /// Threads and exactness of everything that is run on the way.
  public var session = SessionOptions()
  /// Verification, dumps and bisection of the passes.
  package var driver = PassOptions()

  /// All passes at the model's own resolution, with proof.
  public init() {}

  /// Whether statistics or features are adapted, which needs a model whose batch norms are not folded.
  var adaptsFeatures: Bool { batchNorms != nil || featureLaw != nil || usesTestPool }
}
