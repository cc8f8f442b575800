import FixresBase
import FixresIR

extension Tensor {
  /// As `make`, of the tensor `name` of a file: refused where the limits of the process leave no room for it.
  ///
  /// - Throws: `FormatError.unreadableTensor`.
  static func granted(
    _ name: String, shape: [Int], _ initialize: (UnsafeMutableBufferPointer<Float>) -> Void
  ) throws(FormatError) -> Tensor {
    let needed = shape.reduce(4) { $0.multipliedSaturated($1) }
    guard AddressSpace.allows(needed) else {
      throw .unreadableTensor(
        name: name, reason: .outOfMemory(needed: needed, available: AddressSpace.available()))
    }
    return Tensor.make(shape: shape, initialize)
  }
}
