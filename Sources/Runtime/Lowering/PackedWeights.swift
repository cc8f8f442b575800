import FixresBase
import FixresIR

/// A layer's weights as its kernel reads them: packed when the model was opened, or mapped from its file.
package final class PackedWeights: Sendable {
  /// The constant that they were made from; nil for weights that are none of the model's.
  package let constant: String?
  package let layout: String
  package let elements: Tensor
  /// Bytes that were packed for this plan; 0 where they are the file's.
  package let ownByteCount: Int

  init(_ stored: PackedConstant) {
    (constant, layout, elements, ownByteCount) = (stored.constant, stored.layout, stored.elements, 0)
  }

  init(_ block: AlignedBlock, _ layout: String, of constant: String?) {
    (self.constant, self.layout, ownByteCount) = (constant, layout, block.byteCount)
    let storage = ByteStorage(base: block.base, count: block.byteCount) { extendLifetime(block) }
    elements = Tensor(shape: [block.byteCount / 4], bytes: Bytes(storage))
  }

  /// 64-byte aligned, never written.
  package var base: UnsafeRawPointer { elements.bytes.unsafeBase }
}
