import FixresBase

/// A tensor of a checkpoint: a strided view of stored bytes, checked to lie inside them.
///
/// Element `[i, j, ...]` is stored at index `elementOffset + i * strides[0] + j * strides[1] + ...` of
/// `bytes`.
package struct CheckpointTensor: Sendable {
  /// Name, without wrapper and prefix once its checkpoint is read.
  package var name: String
  /// Type of the stored elements.
  package var elementType: ElementType
  /// Extent of each axis, outermost first.
  package var shape: [Int]
  /// Distance of neighbours along each axis, in elements; row-major for safetensors, any non-negative for
  /// PyTorch.
  package var strides: [Int]
  /// The storage, possibly shared with other tensors.
  package var bytes: Bytes
  /// Index of the view's first element in the storage.
  package var elementOffset: Int

  /// The product of `shape`, which the reader of the checkpoint has checked for overflow.
  package var elementCount: Int { shape.reduce(1, *) }

  /// True where the elements are stored in row-major order without gaps.
  package var isContiguous: Bool {
    var expected = 1
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      if strides[axis] != expected { return false }
      expected *= shape[axis]
    }
    return true
  }
}
