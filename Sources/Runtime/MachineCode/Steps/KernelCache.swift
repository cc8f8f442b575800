import FixresAssembler
import FixresBase
import Synchronization

/// An emitted function and the pages that hold it.
package final class EmittedKernel: ListedKernel {
  package let description: AnyKernel
  private let isa: VectorISA
  private let memory: ExecutableMemory
  package let byteCount: Int

  init(_ description: AnyKernel, _ isa: VectorISA) throws(KernelRefusal) {
    self.description = description
    self.isa = isa
    let code = description.assembled(isa)
    if let fault = code.fault { throw .uncovered(fault.reason) }
    byteCount = code.bytes.count
    do { memory = try ExecutableMemory(code: code.bytes) } catch { throw .executableMemory(error) }
  }

  package var name: String { description.name }

  /// Emitted once more, with text: the same description gives the same code.
  package var listing: String { description.assembled(isa, recordsListing: true).text }

  package var entry: UnsafeRawPointer { memory.base }
  package var function: KernelFunction { unsafeBitCast(memory.base, to: KernelFunction.self) }
}

/// One kernel per distinct description, emitted at first use, and the memory of the weights that kernels read.
package final class KernelCache: Sendable {
  package let isa: VectorISA
  package let weights = BlockPool()
  private let kernels = Mutex<[AnyKernel: EmittedKernel]>([:])

  package init(isa: VectorISA) {
    self.isa = isa
  }

  /// Instructions that may be emitted for one layer: an ordinary layer has a tenth of them.
  private static let mostInstructions = 1 << 20

  /// Refuses a layer of `count` kernels of about `instructions` each, before any is emitted: what takes seconds to emit
  /// and overflows every cache is better left to the portable kernels.
  func requireEmission(of instructions: Int, times count: Int = 1) throws(KernelRefusal) {
    guard let total = instructions.multipliedChecked(count), total <= Self.mostInstructions else {
      throw .uncovered("its kernels would take millions of instructions")
    }
  }

  /// The kernel that `description` specifies.
  package func kernel(_ description: AnyKernel) throws(KernelRefusal) -> EmittedKernel {
    if let known = kernels.withLock({ $0[description] }) { return known }
    let made = try EmittedKernel(description, isa)
    return kernels.withLock { kernels in
      if let known = kernels[description] { return known }
      kernels[description] = made
      return made
    }
  }
}
