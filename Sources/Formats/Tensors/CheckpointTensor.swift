import FixresBase

/// A tensor of a checkpoint: a strided view of stored bytes, checked to lie inside them.
package struct CheckpointTensor: Sendable {
  package var name: String
  package var elementType: ElementType
  package var shape: [Int]
  /// In elements; row-major for safetensors, anything non-negative for PyTorch.
  package var strides: [Int]
  /// The storage that the view reads, possibly shared with other tensors.
  package var bytes: Bytes
  /// First element of the view, counted from the start of `bytes`.
  package var elementOffset: Int

  /// The product of `shape`; checked not to overflow when the checkpoint was read.
  package var elementCount: Int { shape.reduce(1, *) }

  /// True when the elements lie one behind the other in row-major order.
  package var isContiguous: Bool {
    var expected = 1
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      if strides[axis] != expected { return false }
      expected *= shape[axis]
    }
    return true
  }
}
