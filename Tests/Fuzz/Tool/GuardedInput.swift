import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory for one case at a time that ends where no page is, so that a read beyond a file's last byte is a fault.
final class GuardedInput {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0

  deinit { unmap() }

  /// `file` in this memory, valid until the next call; its first byte lies at a multiple of `alignment`, which leaves
  /// up to `alignment - 1` bytes behind its last one.
  func bytes(of file: [UInt8], alignment: Int) -> Bytes {
    guard !file.isEmpty, grow(to: file.count + alignment), let base else { return Bytes(file) }
    let start = base + (capacity - file.count) / alignment * alignment
    file.withUnsafeBytes { start.copyMemory(from: $0.baseAddress!, byteCount: file.count) }
    return Bytes(borrowing: UnsafeRawBufferPointer(start: start, count: file.count))
  }

  /// Whether `byteCount` bytes of whole pages are there, and behind them a page that cannot be read.
  private func grow(to byteCount: Int) -> Bool {
    guard byteCount > capacity else { return true }
    let page = Int(getpagesize())
    let wanted = (max(byteCount, 2 * capacity) + page - 1) / page * page
    unmap()
    guard let memory = mmap(nil, wanted + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
      memory != MAP_FAILED
    else { return false }
    (base, capacity) = (memory, wanted)
    return mprotect(memory + wanted, page, PROT_NONE) == 0
  }

  private func unmap() {
    if let base { munmap(base, capacity + Int(getpagesize())) }
    (base, capacity) = (nil, 0)
  }
}
