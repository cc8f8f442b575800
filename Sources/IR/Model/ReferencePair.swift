import FixresBase

/// An input and what the network's original program gave for it: proof by example, kept with the model.
public struct ReferencePair: Sendable {
  /// What was put in.
  public enum Input: Sendable {
    /// The network's input as it is, `[N, C, H, W]`.
    case tensor(Tensor)
    /// A picture file.
    case picture(PictureInput)
  }

  /// A picture file, and how it became the input.
  public struct PictureInput: Sendable {
    /// The encoded file.
    public let bytes: Bytes
    /// Resize, crop and normalisation.
    public var preprocessing: Preprocessing
    /// Size of the network's input.
    public var size: Extent
    /// Whether the EXIF orientation was applied.
    public var appliesOrientation: Bool

    /// The file `bytes` as an input of `size`.
    public init(bytes: Bytes, preprocessing: Preprocessing, size: Extent, appliesOrientation: Bool = false) {
      (self.bytes, self.preprocessing, self.size) = (bytes, preprocessing, size)
      self.appliesOrientation = appliesOrientation
    }
  }

  /// What people know it by: the name of the input's file.
  public let name: String
  /// What was put in.
  public var input: Input
  /// What came out, `[N, outputs]`: scores, or a softmax or sigmoid of them.
  public let outputs: Tensor

  /// A pair called `name`.
  public init(name: String, input: Input, outputs: Tensor) {
    (self.name, self.input, self.outputs) = (name, input, outputs)
  }

  /// Size of the network's input.
  public var resolution: Extent {
    switch input {
    case .tensor(let tensor): Extent(tensor.shape[2], tensor.shape[3])
    case .picture(let picture): picture.size
    }
  }

  /// Bytes that a model file takes for it, but for the index.
  package var byteCount: Int {
    switch input {
    case .tensor(let tensor): tensor.byteCount + outputs.byteCount
    case .picture(let picture): picture.bytes.count + outputs.byteCount
    }
  }
}

extension ReferencePair: Equatable {
  /// Equal names, inputs and outputs, bit for bit.
  public static func == (a: ReferencePair, b: ReferencePair) -> Bool {
    guard a.name == b.name, a.outputs == b.outputs else { return false }
    switch (a.input, b.input) {
    case (.tensor(let x), .tensor(let y)): return x == y
    case (.picture(let x), .picture(let y)):
      return x.preprocessing == y.preprocessing && x.size == y.size
        && x.appliesOrientation == y.appliesOrientation
        && x.bytes.withUnsafeBytes { first in y.bytes.withUnsafeBytes { first.elementsEqual($0) } }
    case (.tensor, .picture), (.picture, .tensor): return false
    }
  }
}

/// How far a model was from the references that it was checked against.
public struct Verification: Hashable, Sendable {
  /// Number of references.
  public var references: Int
  /// The greatest difference of a score, as a share of its reference's largest.
  public var maximumDifference: Double

  /// A check against `references` pairs.
  public init(references: Int, maximumDifference: Double) {
    (self.references, self.maximumDifference) = (references, maximumDifference)
  }
}

extension Model {
  /// Drops references and verification, which no longer hold once the network computes something else.
  package mutating func forgetReferences() {
    references = []
    metadata.verified = nil
  }
}
