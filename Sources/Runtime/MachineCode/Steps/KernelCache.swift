import FixresAssembler
import Synchronization

/// An emitted function and the pages that hold it.
package final class EmittedKernel: ListedKernel {
  package let description: AnyKernel
  private let isa: VectorISA
  private let memory: ExecutableMemory

  init(_ description: AnyKernel, _ isa: VectorISA) throws(ExecutableMemoryError) {
    self.description = description
    self.isa = isa
    memory = try ExecutableMemory(code: description.assembled(isa).bytes)
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

  /// The kernel that `description` specifies.
  package func kernel(_ description: AnyKernel) throws(ExecutableMemoryError) -> EmittedKernel {
    if let known = kernels.withLock({ $0[description] }) { return known }
    let made = try EmittedKernel(description, isa)
    return kernels.withLock { kernels in
      if let known = kernels[description] { return known }
      kernels[description] = made
      return made
    }
  }
}
