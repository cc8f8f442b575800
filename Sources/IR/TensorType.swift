import FixresBase

/// The type of a value: `f32[N,64,56,56]`, where N is the batch, bound when a plan is made.
public struct TensorType: Hashable, Sendable {
  /// True where a batch dimension `N` stands before `dims`.
  public let batched: Bool
  /// The fixed dimensions, outermost first.
  public let dims: [Int]

  /// The most elements an image's value or a constant may have; keeps every later product inside `Int`.
  package static let maximumElementCount = 1 << 40

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

  /// Elements of a constant, or of one image of a batched value.
  public var elementCount: Int { dims.reduce(1, *) }

  /// `elementCount`, or nil where it would pass `maximumElementCount` or a dimension is negative.
  package var checkedElementCount: Int? {
    var product = 1
    for dim in dims {
      guard dim >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: dim)
      guard !overflow, next <= Self.maximumElementCount else { return nil }
      product = next
    }
    return product
  }

  /// True for `[N, C, H, W]`.
  public var isImage: Bool { batched && dims.count == 3 }
  public var channels: Int { dims.first ?? 0 }
  /// Height and width of an image value.
  public var spatial: Extent { isImage ? Extent(dims[1], dims[2]) : Extent(1, 1) }
}

extension TensorType: CustomStringConvertible {
  public var description: String {
    let parts = (batched ? ["N"] : []) + dims.map(String.init)
    return "f32[" + parts.joined(separator: ",") + "]"
  }
}

/// A height and a width, in that order: a size, a kernel or a stride.
public struct Extent: Hashable, Sendable, CustomStringConvertible {
  public let height: Int
  public let width: Int

  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  public init(square side: Int) { self.init(side, side) }

  public var area: Int { height * width }
  public var isSquare: Bool { height == width }
  public var description: String { isSquare ? "\(height)" : "\(height)x\(width)" }
}

/// Rows and columns of padding around an image.
public struct Padding: Hashable, Sendable {
  /// How the four sides come about.
  public enum Rule: String, Hashable, Sendable, CaseIterable {
    /// As they are, at every size.
    case fixed
    /// Derived from the image's size, so that there is a position for each stride begun (TensorFlow's SAME); an odd
    /// row or column stands after the image, or before it.
    case sameUpper = "same_upper"
    case sameLower = "same_lower"
  }

  public let top: Int
  public let left: Int
  public let bottom: Int
  public let right: Int
  public let rule: Rule

  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.init(top: top, left: left, bottom: bottom, right: right, rule: .fixed)
  }

  package init(top: Int, left: Int, bottom: Int, right: Int, rule: Rule) {
    (self.top, self.left, self.bottom, self.right, self.rule) = (top, left, bottom, right, rule)
  }

  public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

  public static let zero = Padding(0)
  public var isZero: Bool { sides.allSatisfy { $0 == 0 } }
  package var sides: [Int] { [top, left, bottom, right] }
}
