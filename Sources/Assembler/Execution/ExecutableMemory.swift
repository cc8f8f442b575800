#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Why this process may not run emitted code; the portable kernels remain.
package struct ExecutableMemoryError: Error, Hashable, Sendable {
  package enum Operation: String, Sendable {
    case map = "mmap"
    case protect = "mprotect"
  }
  package var operation: Operation
  package var code: Int32
  package var byteCount: Int

  package init(operation: Operation, code: Int32, byteCount: Int) {
    self.operation = operation
    self.code = code
    self.byteCount = byteCount
  }
}

/// Pages of machine code: written first, then executable, never both; unmapped with the last reference.
package final class ExecutableMemory: @unchecked Sendable {
  package let base: UnsafeRawPointer
  package let byteCount: Int
  private let mappedByteCount: Int

  /// Copies `code` to fresh pages and makes them executable.
  package init(code: [UInt8]) throws(ExecutableMemoryError) {
    precondition(!code.isEmpty, "executable memory needs at least one instruction")
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    mappedByteCount = (code.count + page - 1) / page * page
    byteCount = code.count
    let flags = MAP_PRIVATE | ExecutableMemory.anonymous
    guard let pages = mmap(nil, mappedByteCount, PROT_READ | PROT_WRITE, flags, -1, 0), pages != MAP_FAILED
    else {
      throw ExecutableMemoryError(operation: .map, code: errno, byteCount: mappedByteCount)
    }
    code.withUnsafeBytes { pages.copyMemory(from: $0.baseAddress!, byteCount: code.count) }
    guard mprotect(pages, mappedByteCount, PROT_READ | PROT_EXEC) == 0 else {
      let code = errno
      munmap(pages, mappedByteCount)
      throw ExecutableMemoryError(operation: .protect, code: code, byteCount: mappedByteCount)
    }
    base = UnsafeRawPointer(pages)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: base), mappedByteCount)
  }

  #if canImport(Darwin)
    private static let anonymous = MAP_ANON
  #else
    private static let anonymous = MAP_ANONYMOUS
  #endif
}
