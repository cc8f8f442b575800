#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A page that a worker writes and its parent reads, also after the worker's end.
struct SharedPage {
  private let base: UnsafeMutablePointer<Int>
  static let byteCount = 4096

  /// Maps the page in the file `path`, which is made where there is none.
  init?(path: String) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(Self.byteCount)) == 0,
      let memory = mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { return nil }
    base = memory.bindMemory(to: Int.self, capacity: Self.byteCount / 8)
  }

  /// The case that is being read; -1 before the first.
  var current: Int {
    get { base[0] }
    nonmutating set { base[0] = newValue }
  }

  /// Cases that were accepted.
  var accepted: Int {
    get { base[1] }
    nonmutating set { base[1] = newValue }
  }

  /// Processor time of all cases, in nanoseconds, as of the end.
  var nanoseconds: Int {
    get { base[2] }
    nonmutating set { base[2] = newValue }
  }

  /// Greatest resident memory of the process in kilobytes.
  var peakKilobytes: Int {
    get { base[3] }
    nonmutating set { base[3] = newValue }
  }

  private static let messageStart = 64

  /// What the worker found wrong.
  var message: String {
    get {
      let text = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(base) + Self.messageStart, count: min(max(base[4], 0), 1024))
      return String(decoding: text, as: UTF8.self)
    }
    nonmutating set {
      let bytes = Array(newValue.utf8.prefix(1024))
      base[4] = bytes.count
      (UnsafeMutableRawPointer(base) + Self.messageStart).copyMemory(from: bytes, byteCount: bytes.count)
    }
  }

  func reset() {
    (current, accepted, nanoseconds, peakKilobytes) = (-1, 0, 0, 0)
    message = ""
  }
}
