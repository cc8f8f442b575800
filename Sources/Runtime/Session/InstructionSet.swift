import FixresAssembler

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Chooses where kernels come from: what the machine can do, or what `FIXRESC_ISA` asks for.
package enum InstructionSet {
  /// The names that `FIXRESC_ISA` may hold.
  package static let known = ["portable", "avx2", "avx512"]

  /// The choice and its reason, for `doctor`.
  package struct Choice: Sendable {
    package var backend: any Backend
    package var reason: String
  }

  /// What `FIXRESC_ISA` asks for; nil where it is unset or empty.
  package static var requested: String? {
    getenv("FIXRESC_ISA").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The names that this machine can really run, `portable` first.
  package static var available: [String] {
    known.filter { name in
      do throws(RuntimeError) {
        _ = try choose(requested: name)
        return true
      } catch {
        return false
      }
    }
  }

  /// The kernels that `requested` names, or the machine's best; `cpu` stands in for the machine's own in tests.
  package static func choose(
    isExact: Bool = false, requested: String? = Self.requested,
    cpu: Result<CPUFeatures, ExecutableMemoryError> = CPUFeatures.current
  ) throws(RuntimeError) -> Choice {
    guard let requested else { return best(isExact: isExact, cpu) }
    guard known.contains(requested) else { throw .unknownInstructionSet(found: requested, known: known) }
    let reason = "FIXRESC_ISA asks for it"
    if requested == "portable" { return Choice(backend: PortableKernels(), reason: reason) }
    guard let level = VectorISA.Level(rawValue: requested), isX86 else {
      throw .instructionSetUnavailable(name: requested, missing: "an x86-64 processor")
    }
    return Choice(backend: try machineCode(level, isExact: isExact, cpu), reason: reason)
  }

  private static var isX86: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  /// The widest instruction set of this machine, or the portable kernels and why.
  private static func best(isExact: Bool, _ cpu: Result<CPUFeatures, ExecutableMemoryError>) -> Choice {
    guard isX86 else {
      return Choice(backend: PortableKernels(), reason: "this build emits machine code for x86-64 alone")
    }
    func portable(_ reason: String) -> Choice { Choice(backend: PortableKernels(), reason: reason) }
    switch cpu {
    case .failure(let error): return portable(KernelRefusal.executableMemory(error).reason)
    case .success(let features):
      guard let level = features.best else {
        let missing = features.missing(for: .avx2).map(\.rawValue).joined(separator: ", ")
        return portable("this machine lacks \(missing)")
      }
      do throws(ExecutableMemoryError) {
        let backend = try MachineCodeBackend(level, allowsWinograd: !isExact)
        return Choice(backend: backend, reason: "the widest that this processor and system offer")
      } catch {
        return portable(KernelRefusal.executableMemory(error).reason)
      }
    }
  }

  private static func machineCode(
    _ level: VectorISA.Level, isExact: Bool, _ cpu: Result<CPUFeatures, ExecutableMemoryError>
  ) throws(RuntimeError) -> any Backend {
    let refused = RuntimeError.instructionSetUnavailable(name: level.rawValue, missing: "executable memory")
    guard case .success(let features) = cpu else { throw refused }
    let missing = features.missing(for: level)
    guard missing.isEmpty else {
      let names = missing.map(\.rawValue).joined(separator: ", ")
      throw .instructionSetUnavailable(name: level.rawValue, missing: names)
    }
    do { return try MachineCodeBackend(level, allowsWinograd: !isExact) } catch { throw refused }
  }
}
