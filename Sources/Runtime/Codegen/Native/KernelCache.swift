#if arch(x86_64)
  import Synchronization

  /// An emitted function and the pages that hold it.
  package final class EmittedKernel: Sendable {
    /// A specification: family, tile, layer kind, instruction set.
    package let name: String
    package let code: [UInt8]
    private let memory: ExecutableMemory

    init(name: String, code: [UInt8]) throws(ExecutableMemoryError) {
      self.name = name
      self.code = code
      memory = try ExecutableMemory(code: code)
    }

    package var entry: UnsafeRawPointer { memory.base }
    package var function: KernelFunction { unsafeBitCast(memory.base, to: KernelFunction.self) }
  }

  /// One kernel per distinct description, emitted at first use.
  package final class KernelCache: Sendable {
    package let isa: VectorISA
    private let kernels = Mutex<[AnyKernel: EmittedKernel]>([:])

    package init(isa: VectorISA) {
      self.isa = isa
    }

    /// The kernel that `description` specifies.
    package func kernel(_ description: AnyKernel) throws(ExecutableMemoryError) -> EmittedKernel {
      if let known = kernels.withLock({ $0[description] }) { return known }
      var assembler = KernelAssembler(isa)
      description.emit(into: &assembler)
      let made = try EmittedKernel(name: description.name, code: assembler.code.finish())
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

    func emit(into assembler: inout KernelAssembler) {
      switch self {
      case .strip(let kernel): kernel.emit(into: &assembler)
      case .winogradInput(let kernel): kernel.emit(into: &assembler)
      case .winogradOutput(let kernel): kernel.emit(into: &assembler)
      case .narrowGroup(let kernel): kernel.emit(into: &assembler)
      case .pool(let kernel): kernel.emit(into: &assembler)
      case .globalPool(let kernel): kernel.emit(into: &assembler)
      }
    }

    var name: String {
      switch self {
      case .strip(let kernel): kernel.name
      case .winogradInput(let kernel): "winograd\(kernel.scheme.rawValue)-input-\(kernel.isa.level.rawValue)"
      case .winogradOutput(let kernel):
        "winograd\(kernel.scheme.rawValue)-output-\(kernel.isa.level.rawValue)"
      case .narrowGroup(let kernel): "grouped\(kernel.channelsPerGroup)-\(kernel.isa.level.rawValue)"
      case .pool(let kernel): "\(kernel.isMaximum ? "max" : "average")-pool-\(kernel.isa.level.rawValue)"
      case .globalPool(let kernel):
        "global-\(kernel.isMaximum ? "max" : "average")-\(kernel.isa.level.rawValue)"
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
#endif
