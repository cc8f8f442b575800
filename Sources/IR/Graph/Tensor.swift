import FixresBase

/// Immutable row-major float32 data in mapped or owned memory.
public struct Tensor: Sendable {
  /// Dimensions, outermost first.
  public let shape: [Int]
  /// The elements, little-endian float32, 4-byte aligned.
  package let bytes: Bytes

  /// A tensor of `bytes`, which must hold exactly the elements of `shape` and be 4-byte aligned.
  package init(shape: [Int], bytes: Bytes) {
    precondition(
      bytes.count == shape.reduce(4, *), "a tensor \(shape) needs 4 bytes an element, not \(bytes.count)")
    precondition(Int(bitPattern: bytes.unsafeBase) % 4 == 0, "a tensor's data must be 4-byte aligned")
    self.shape = shape
    self.bytes = bytes
  }

  /// A tensor that owns its memory, written by `initialize`.
  ///
  /// - Throws: what `initialize` throws.
  package static func make<E: Error>(
    shape: [Int], _ initialize: (UnsafeMutableBufferPointer<Float>) throws(E) -> Void
  ) throws(E) -> Tensor {
    let count = shape.reduce(1, *)
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(count * 4, 1), alignment: 64)
    let elements = UnsafeMutableBufferPointer(
      start: block.bindMemory(to: Float.self, capacity: count), count: count)
    do {
      try initialize(elements)
    } catch {
      block.deallocate()
      throw error
    }
    let address = UInt(bitPattern: block)
    let storage = ByteStorage(base: UnsafeRawPointer(block), count: count * 4) {
      UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
    }
    return Tensor(shape: shape, bytes: Bytes(storage))
  }

  /// A tensor of a copy of `elements`, whose count must be the product of `shape`.
  public init(shape: [Int], _ elements: [Float]) {
    precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements do not fill \(shape)")
    self = Tensor.make(shape: shape) { target in
      _ = target.initialize(from: elements)
    }
  }

  /// Number of elements.
  public var elementCount: Int { bytes.count / 4 }
  /// Bytes of the elements.
  public var byteCount: Int { bytes.count }

  /// Whether both share the same memory and shape.
  func isSameMemory(as other: Tensor) -> Bool {
    bytes.storage === other.bytes.storage && bytes.offset == other.bytes.offset && shape == other.shape
  }

  /// Calls `body` with the elements in row-major order, which are valid during the call only.
  ///
  /// - Throws: what `body` throws.
  public func withFloats<R, E: Error>(_ body: (UnsafeBufferPointer<Float>) throws(E) -> R) throws(E) -> R {
    try bytes.withUnsafeBytes { (raw) throws(E) in try body(raw.assumingMemoryBound(to: Float.self)) }
  }

  /// A copy of the elements.
  public var floats: [Float] { withFloats { Array($0) } }
}

extension Tensor: Equatable {
  /// Equal shapes and bit-identical elements.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    return a.bytes.withUnsafeBytes { x in b.bytes.withUnsafeBytes { y in x.elementsEqual(y) } }
  }
}

/// The data of a graph's constants by name.
public struct Constants: Sendable, Equatable {
  private var tensors: [String: Tensor] = [:]

  /// No data.
  public init() {}

  /// The data of the constant `name`; nil where there is none.
  public subscript(name: String) -> Tensor? {
    get { tensors[name] }
    set { tensors[name] = newValue }
  }

  /// The names, sorted.
  public var names: [String] { tensors.keys.sorted() }
  /// Number of constants.
  public var count: Int { tensors.count }
  /// Bytes of all constants.
  public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }

  /// Removes the data of constants that `graph` does not declare.
  package mutating func prune(to graph: Graph) {
    let declared = Set(graph.constants.map { graph[$0].name })
    tensors = tensors.filter { declared.contains($0.key) }
  }
}
