import FixresAssembler

/// Every family of emitted kernels.
package enum AnyKernel: Hashable, Sendable {
  case strip(StripKernel)
  case winogradInput(WinogradInputKernel)
  case winogradOutput(WinogradOutputKernel)
  case narrowGroup(NarrowGroupKernel)
  case pool(PoolKernel)
  case globalPool(GlobalPoolKernel)
  case transpose(TransposeKernel)

  /// The function's code for `isa`; the same description gives the same bytes.
  package func assembled(_ isa: VectorISA, recordsListing: Bool = false) -> AssembledCode {
    switch isa.level {
    case .avx2, .avx512:
      var assembler = X86KernelAssembler(isa, recordsListing: recordsListing)
      emit(into: &assembler)
      return assembler.code
    }
  }

  /// Appends the function to `assembler`.
  package func emit(into assembler: inout some KernelAssembler) {
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

  /// Such as `strip-7x4-avx512`, as `inspect --plan` prints it.
  package var name: String {
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
