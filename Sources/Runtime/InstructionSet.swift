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
  package static let known = ["portable"]

  /// The choice and its reason, for `doctor`.
  package struct Choice: Sendable {
    package var provider: any KernelProvider
    package var reason: String
  }

  package static func choose(
    isExact: Bool = false, requested: String? = getenv("FIXRESC_ISA").map { String(cString: $0) }
  ) throws(RuntimeError) -> Choice {
    switch requested {
    case nil, "": return Choice(provider: PortableKernels(), reason: "the only kernels of this build")
    case "portable": return Choice(provider: PortableKernels(), reason: "FIXRESC_ISA asks for it")
    case let name?: throw .unknownInstructionSet(found: name, known: known)
    }
  }

  static func provider(isExact: Bool) throws(RuntimeError) -> any KernelProvider {
    try choose(isExact: isExact).provider
  }
}
