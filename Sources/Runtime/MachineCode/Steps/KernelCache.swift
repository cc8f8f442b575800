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
    var assembler = KernelAssembler(isa)
    description.emit(into: &assembler)
    memory = try ExecutableMemory(code: assembler.code.finish())
  }

  package var name: String { description.name }

  /// Emitted once more, with text: the same description gives the same code.
  package var listing: String {
    var assembler = KernelAssembler(isa, recordsListing: true)
    description.emit(into: &assembler)
    let code = assembler.code.finish()
    let lines = assembler.code.listing
    var text = ""
    for (index, line) in lines.enumerated() {
      let end = index + 1 < lines.count ? lines[index + 1].offset : code.count
      let bytes = code[line.offset..<end].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let offset = String(line.offset, radix: 16)
      text += String(repeating: " ", count: max(0, 6 - offset.count)) + offset + "  "
      text += bytes + String(repeating: " ", count: max(1, 24 - bytes.count)) + line.text + "\n"
    }
    return text
  }

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

/// Every family of emitted kernels.
package enum AnyKernel: Hashable, Sendable {
  case strip(StripKernel)
  case winogradInput(WinogradInputKernel)
  case winogradOutput(WinogradOutputKernel)
  case narrowGroup(NarrowGroupKernel)
  case pool(PoolKernel)
  case globalPool(GlobalPoolKernel)
  case transpose(TransposeKernel)

  func emit(into assembler: inout KernelAssembler) {
    switch self {
    case .strip(let kernel): kernel.emit(into: &assembler)
    case .winogradInput(let kernel): kernel.emit(into: &assembler)
    case .winogradOutput(let kernel): kernel.emit(into: &assembler)
    case .narrowGroup(let kernel): kernel.emit(into: &assembler)
    case .pool(let kernel): kernel.emit(into: &assembler)
    case .globalPool(let kernel): kernel.emit(into: &assembler)
    case .transpose(let kernel): kernel.emit(into: &assembler)
    }
  }

  var name: String {
    switch self {
    case .strip(let kernel): kernel.name
    case .winogradInput(let kernel): "\(kernel.scheme.rawValue)-input-\(kernel.isa.level.rawValue)"
    case .winogradOutput(let kernel):
      "\(kernel.scheme.rawValue)-output-\(kernel.isa.level.rawValue)"
    case .narrowGroup(let kernel): "grouped\(kernel.channelsPerGroup)-\(kernel.isa.level.rawValue)"
    case .pool(let kernel): "\(kernel.isMaximum ? "max" : "average")-pool-\(kernel.isa.level.rawValue)"
    case .globalPool(let kernel):
      "global-\(kernel.isMaximum ? "max" : "average")-\(kernel.isa.level.rawValue)"
    case .transpose(let kernel): "transpose-\(kernel.isa.level.rawValue)"
    }
  }
}

extension StripKernel {
  /// Such as `strip-7x4-avx512`: pixels by channel blocks of its widest tile.
  package var name: String {
    let columns = segments.map(\.columns).max() ?? 0
    return "strip-\(rows > 1 ? "\(rows)x" : "")\(columns)x\(blocks)-\(isa.level.rawValue)"
  }
}
