import FixresBase

/// The type of a value, such as `f32[N,64,56,56]`, where N is the batch size, which a plan fixes.
public struct TensorType: Hashable, Sendable {
  /// Whether a batch dimension `N` precedes `dims`.
  public let batched: Bool
  /// The dimensions other than the batch, outermost first.
  public let dims: [Int]

  /// Name of the element type in the graph's text: every value of a graph is float32, however a plan stores it.
  package static let elementName = "f32"

  /// Largest number of elements of a constant or of one image's value, and largest dimension; keeps later products
  /// inside `Int`.
  package static let maximumElementCount = 1 << 40

  /// A type of `dims`, with a batch dimension where `batched`.
  public init(batched: Bool, _ dims: [Int]) {
    self.batched = batched
    self.dims = dims
  }

  /// `f32[N,C,H,W]`.
  public static func image(_ channels: Int, _ height: Int, _ width: Int) -> TensorType {
    TensorType(batched: true, [channels, height, width])
  }

  /// `f32[N,F]`.
  public static func features(_ count: Int) -> TensorType { TensorType(batched: true, [count]) }

  /// Elements of a constant, or of one image of a batched value; `Int.max` for a type that no value can have.
  public var elementCount: Int { checkedElementCount ?? .max }

  /// Bytes of the elements as float32; `Int.max` for a type that no value can have.
  package var byteCount: Int { checkedElementCount.map { $0 * 4 } ?? .max }

  /// `elementCount`; nil for a type that no value can have: a dimension is negative or, as their product, exceeds
  /// `maximumElementCount`.
  package var checkedElementCount: Int? {
    var product = 1
    for dim in dims {
      guard dim >= 0, dim <= Self.maximumElementCount else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: dim)
      guard !overflow, next <= Self.maximumElementCount else { return nil }
      product = next
    }
    return product
  }

  /// True for `[N, C, H, W]`.
  public var isImage: Bool { batched && dims.count == 3 }
  /// The first dimension: C of `[N, C, H, W]`, F of `[N, F]`.
  public var channels: Int { dims.first ?? 0 }
  /// Height and width of an image; 1x1 for anything else.
  public var spatial: Extent { isImage ? Extent(dims[1], dims[2]) : Extent(1, 1) }
}

extension TensorType: CustomStringConvertible {
  /// The textual form, such as `f32[N,64,56,56]`.
  public var description: String {
    let parts = (batched ? ["N"] : []) + dims.map(String.init)
    return Self.elementName + "[" + parts.joined(separator: ",") + "]"
  }
}

/// A height and a width: a size, a kernel or a stride.
public struct Extent: Hashable, Sendable, CustomStringConvertible {
  /// Rows.
  public let height: Int
  /// Columns.
  public let width: Int

  /// `height` rows and `width` columns.
  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  /// `side` rows and columns.
  public init(square side: Int) { self.init(side, side) }

  /// `height * width`.
  public var area: Int { height * width }
  /// Whether both sides are equal.
  public var isSquare: Bool { height == width }
  /// `224` or `224x320`.
  public var description: String { isSquare ? "\(height)" : "\(height)x\(width)" }
  /// `[height, width]`, as `--json` objects have it.
  package var json: JSON { JSON([height, width]) }
}

/// Rows and columns of padding around an image.
public struct Padding: Hashable, Sendable {
  /// How the four sides are determined.
  public enum Rule: String, Hashable, Sendable, CaseIterable {
    /// The stored sides hold at every size.
    case fixed
    /// TensorFlow's SAME: derived from the size of the image so that the output is ceil(size / stride); an odd row or
    /// column is added after the image.
    case sameUpper = "same_upper"
    /// As `sameUpper`, with an odd row or column before the image (ONNX `SAME_LOWER`).
    case sameLower = "same_lower"
  }

  /// Rows above.
  public let top: Int
  /// Columns to the left.
  public let left: Int
  /// Rows below.
  public let bottom: Int
  /// Columns to the right.
  public let right: Int
  /// How the sides are determined at another size.
  public let rule: Rule

  /// Fixed padding of the four sides.
  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.init(top: top, left: left, bottom: bottom, right: right, rule: .fixed)
  }

  package init(top: Int, left: Int, bottom: Int, right: Int, rule: Rule) {
    (self.top, self.left, self.bottom, self.right, self.rule) = (top, left, bottom, right, rule)
  }

  /// Fixed padding of `all` on each side.
  public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

  /// No padding.
  public static let zero = Padding(0)
  /// Whether all sides are 0.
  public var isZero: Bool { sides.allSatisfy { $0 == 0 } }
  /// Top, left, bottom, right.
  package var sides: [Int] { [top, left, bottom, right] }
}
