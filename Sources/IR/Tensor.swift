import FixresBase

/// Constant data: row-major float32 in memory that is mapped or owned, never written once made.
public struct Tensor: Sendable {
  public let shape: [Int]
  /// The elements, little-endian float32, 4-byte aligned.
  package let bytes: Bytes

  /// `bytes` must hold exactly the elements of `shape` and lie on a multiple of 4.
  package init(shape: [Int], bytes: Bytes) {
    precondition(
      bytes.count == shape.reduce(4, *), "a tensor \(shape) needs 4 bytes an element, not \(bytes.count)")
    precondition(Int(bitPattern: bytes.unsafeBase) % 4 == 0, "a tensor's data must be 4-byte aligned")
    self.shape = shape
    self.bytes = bytes
  }

  /// An owned tensor of `shape`, its elements written by `initialize`.
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

  /// A tensor of `shape` holding `elements`, whose count must fit the shape.
  public init(shape: [Int], _ elements: [Float]) {
    precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements do not fill \(shape)")
    self = Tensor.make(shape: shape) { target in
      _ = target.initialize(from: elements)
    }
  }

  public var elementCount: Int { bytes.count / 4 }
  public var byteCount: Int { bytes.count }

  /// Whether both are the same elements in the same place, not only equal ones.
  func isSameMemory(as other: Tensor) -> Bool {
    bytes.storage === other.bytes.storage && bytes.offset == other.bytes.offset && shape == other.shape
  }

  /// Calls `body` with the elements in row-major order.
  public func withFloats<R, E: Error>(_ body: (UnsafeBufferPointer<Float>) throws(E) -> R) throws(E) -> R {
    try bytes.withUnsafeBytes { (raw) throws(E) in try body(raw.assumingMemoryBound(to: Float.self)) }
  }

  /// The elements as an array, a copy.
  public var floats: [Float] { withFloats { Array($0) } }
}

extension Tensor: Equatable {
  /// Equal shapes and bit-identical elements.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    return a.bytes.withUnsafeBytes { x in b.bytes.withUnsafeBytes { y in x.elementsEqual(y) } }
  }
}

/// The data of a graph's constants, by the name of their value.
public struct Constants: Sendable, Equatable {
  private var tensors: [String: Tensor] = [:]

  public init() {}

  public subscript(name: String) -> Tensor? {
    get { tensors[name] }
    set { tensors[name] = newValue }
  }

  public var names: [String] { tensors.keys.sorted() }
  public var count: Int { tensors.count }
  public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }

  /// Forgets every tensor that `graph` does not declare.
  package mutating func prune(to graph: Graph) {
    let declared = Set(graph.constants.map { graph[$0].name })
    tensors = tensors.filter { declared.contains($0.key) }
  }
}
