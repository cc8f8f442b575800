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
    package var provider: any KernelProvider
    package var reason: String
  }

  /// What `FIXRESC_ISA` asks for; nil where it is unset or empty.
  package static var requested: String? {
    getenv("FIXRESC_ISA").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The names that this machine can really run, `portable` first.
  package static var available: [String] {
    known.filter { (try? choose(requested: $0)) != nil }
  }

  package static func choose(
    isExact: Bool = false, requested: String? = Self.requested
  ) throws(RuntimeError) -> Choice {
    guard let requested else { return best(isExact: isExact) }
    guard known.contains(requested) else { throw .unknownInstructionSet(found: requested, known: known) }
    let reason = "FIXRESC_ISA asks for it"
    if requested == "portable" { return Choice(provider: PortableKernels(), reason: reason) }
    #if arch(x86_64)
      if let level = VectorISA.Level(rawValue: requested) {
        return Choice(provider: try machineCode(level, isExact: isExact), reason: reason)
      }
    #endif
    throw .instructionSetUnavailable(name: requested, missing: "an x86-64 processor")
  }

  /// The fastest kernels that this build trusts on this machine.
  private static func best(isExact: Bool) -> Choice {
    Choice(provider: PortableKernels(), reason: "the default of this build")
  }

  #if arch(x86_64)
    private static func machineCode(
      _ level: VectorISA.Level, isExact: Bool
    ) throws(RuntimeError) -> any KernelProvider {
      do {
        let missing = try CPUFeatures.current.get().missing(for: level)
        guard missing.isEmpty else {
          let names = missing.map(\.rawValue).joined(separator: ", ")
          throw RuntimeError.instructionSetUnavailable(name: level.rawValue, missing: names)
        }
        return try MachineCodeProvider(level)
      } catch let error as RuntimeError {
        throw error
      } catch {
        throw .instructionSetUnavailable(name: level.rawValue, missing: "executable memory")
      }
    }
  #endif
}
