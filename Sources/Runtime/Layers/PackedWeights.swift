import FixresBase
import FixresIR

/// The weights of one layer in the order in which its kernel reads them.
///
/// They lie in the model's file, or in a block of the plan's own. Kernels find them through `addressCell`, as a plan
/// packs its first run's weights layer by layer into a shared buffer and only then keeps them (`WeightStore`).
package final class PackedWeights: @unchecked Sendable {
  // Sendable because only the weight store of their plan writes the address, under the lock of the plan's session.

  /// Where packed weights stay.
  private enum Storage {
    /// Mapped from the model's file.
    case file(Tensor)
    /// A block of `pool`, which is retained so that a run never releases it.
    case own(AlignedBlock, BlockPool)
  }

  /// The constant that they are made from; nil for weights that are none of the model's.
  package let constant: String?
  package let layout: WeightLayout
  /// Holds the address that kernels read from.
  package let addressCell: UnsafePointer<UnsafeRawPointer>
  private let address: UnsafeMutablePointer<UnsafeMutableRawPointer>
  private let storage: Storage

  /// Weights that the model's file holds as `stored`.
  package convenience init(_ stored: PackedConstant) {
    self.init(
      constant: stored.constant, layout: WeightLayout(of: stored), storage: .file(stored.elements),
      base: stored.elements.bytes.unsafeBase)
  }

  /// Weights that lie in `block` of `pool` once they are packed.
  package convenience init(
    _ block: AlignedBlock, of pool: BlockPool, _ layout: WeightLayout, constant: String?
  ) {
    self.init(
      constant: constant, layout: layout, storage: .own(block, pool), base: UnsafeRawPointer(block.base))
  }

  private init(constant: String?, layout: WeightLayout, storage: Storage, base: UnsafeRawPointer) {
    (self.constant, self.layout, self.storage) = (constant, layout, storage)
    address = .allocate(capacity: 1)
    address.initialize(to: UnsafeMutableRawPointer(mutating: base))
    addressCell = UnsafeRawPointer(address).assumingMemoryBound(to: UnsafeRawPointer.self)
  }

  deinit { address.deallocate() }

  /// The current address: 64-byte aligned.
  package var base: UnsafeRawPointer { addressCell.pointee }

  /// Bytes that are packed for this plan; 0 where they are the file's.
  package var ownByteCount: Int {
    switch storage {
    case .file: 0
    case .own(let block, _): block.byteCount
    }
  }

  /// Bytes that are mapped from the model's file; 0 where they are packed for this plan.
  package var mappedByteCount: Int {
    switch storage {
    case .file(let tensor): tensor.byteCount
    case .own: 0
    }
  }

  /// Whether kernels read them from a file that another program may change.
  var isInMappedFile: Bool {
    if case .file(let tensor) = storage { tensor.bytes.storage.isFileMapping } else { false }
  }

  /// The plan's own block with its pages taken; nil where the weights are the file's.
  func allocate() -> AlignedBlock? {
    guard case .own(let block, let pool) = storage else { return nil }
    pool.pages.take(block.base, block.byteCount)
    return block
  }

  /// Makes kernels read from, and packing write to, `memory`.
  func move(to memory: AlignedBlock) { address.pointee = memory.base }

  /// The elements as a model's file keeps them, float32; they are the packed weights once the store says that they are
  /// resident.
  var elements: Tensor {
    switch storage {
    case .file(let tensor): return tensor
    case .own(let block, _):
      precondition(layout.format == .f32, "a model's file keeps no weights of \(layout.format.name)")
      let bytes = ByteStorage(base: block.base, count: block.byteCount) { extendLifetime(block) }
      return Tensor(shape: [layout.count], bytes: Bytes(bytes))
    }
  }
}
