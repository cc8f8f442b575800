#if canImport(Glibc)
  import Glibc
  import Synchronization

  /// Puts counting functions in the place of the allocator's in every module of this process.
  ///
  /// A module calls another's function through a slot that the dynamic linker has filled, one for each name
  /// (System V ABI, chapter 5); the slots of the names below are overwritten. Swift lets no program define `malloc`.
  enum CountedAllocator {
    private typealias Malloc = @convention(c) (Int) -> UnsafeMutableRawPointer?
    private typealias Pair = @convention(c) (Int, Int) -> UnsafeMutableRawPointer?
    private typealias Realloc = @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer?
    private typealias Memalign = @convention(c) (UnsafeMutableRawPointer, Int, Int) -> Int32
    private typealias Map =
      @convention(c) (UnsafeMutableRawPointer?, Int, Int32, Int32, Int32, Int) -> UnsafeMutableRawPointer?
    private typealias Visit =
      @convention(c) (UnsafeRawPointer, Int, UnsafeMutableRawPointer?) -> Int32
    private typealias Iterate = @convention(c) (Visit, UnsafeMutableRawPointer?) -> Int32

    /// Calls of an allocating function since `install()`.
    static let count = Atomic<Int>(0)
    /// Slots that were overwritten.
    nonisolated(unsafe) private(set) static var slotCount = 0

    nonisolated(unsafe) private static var malloc: Malloc?
    nonisolated(unsafe) private static var calloc: Pair?
    nonisolated(unsafe) private static var alignedAlloc: Pair?
    nonisolated(unsafe) private static var realloc: Realloc?
    nonisolated(unsafe) private static var posixMemalign: Memalign?
    nonisolated(unsafe) private static var map: Map?
    nonisolated(unsafe) private static var replacements: [(name: StaticString, function: UnsafeRawPointer)] =
      []

    /// Counts from now on; false where the process cannot be looked into.
    static func install() -> Bool {
      func find<F>(_ name: String, _ type: F.Type) -> F? {
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
      }
      malloc = find("malloc", Malloc.self)
      calloc = find("calloc", Pair.self)
      alignedAlloc = find("aligned_alloc", Pair.self)
      realloc = find("realloc", Realloc.self)
      posixMemalign = find("posix_memalign", Memalign.self)
      map = find("mmap", Map.self)
      guard malloc != nil, calloc != nil, alignedAlloc != nil, realloc != nil, posixMemalign != nil,
        map != nil,
        let iterate = find("dl_iterate_phdr", Iterate.self)
      else { return false }
      let countedMap: Map = {
        CountedAllocator.counted(); return CountedAllocator.map!($0, $1, $2, $3, $4, $5)
      }
      let countedPair: Pair = {
        CountedAllocator.counted(); return CountedAllocator.alignedAlloc!($0, $1)
      }
      let functions: [(StaticString, UnsafeRawPointer)] = [
        (
          "malloc",
          address(
            {
              CountedAllocator.counted(); return CountedAllocator.malloc!($0)
            } as Malloc)
        ),
        (
          "calloc",
          address(
            {
              CountedAllocator.counted(); return CountedAllocator.calloc!($0, $1)
            } as Pair)
        ),
        ("aligned_alloc", address(countedPair)), ("memalign", address(countedPair)),
        (
          "realloc",
          address(
            {
              CountedAllocator.counted(); return CountedAllocator.realloc!($0, $1)
            } as Realloc)
        ),
        (
          "posix_memalign",
          address(
            {
              CountedAllocator.counted(); return CountedAllocator.posixMemalign!($0, $1, $2)
            } as Memalign)
        ),
        ("mmap", address(countedMap)), ("mmap64", address(countedMap)),
      ]
      replacements = functions.map { (name: $0.0, function: $0.1) }
      _ = iterate({ info, _, _ in CountedAllocator.patch(info) }, nil)
      return slotCount > 0
    }

    private static func address<F>(_ function: F) -> UnsafeRawPointer {
      unsafeBitCast(function, to: UnsafeRawPointer.self)
    }

    private static func counted() { count.wrappingAdd(1, ordering: .relaxed) }

    /// `info`: u64 load address, name, program headers, u16 how many.
    private static func patch(_ info: UnsafeRawPointer) -> Int32 {
      let base = info.load(as: UInt.self)
      guard let headers = info.load(fromByteOffset: 16, as: UnsafeRawPointer?.self) else { return 0 }
      for index in 0..<Int(info.load(fromByteOffset: 24, as: UInt16.self)) {
        // Program header: u32 type (2: dynamic section), at 16 its address.
        let header = headers + index * 56
        guard header.load(as: UInt32.self) == 2 else { continue }
        let address = base &+ header.load(fromByteOffset: 16, as: UInt.self)
        if let dynamic = UnsafeRawPointer(bitPattern: address) { patch(base, dynamic: dynamic) }
      }
      return 0
    }

    /// Entries of 16 bytes: tag, value. Tags: 5 strings, 6 symbols, 7 and 8 relocations and their bytes, 23 and 2
    /// those of the slots for calls.
    private static func patch(_ base: UInt, dynamic: UnsafeRawPointer) {
      var values = [UInt](repeating: 0, count: 24)
      var entry = dynamic
      while entry.load(as: Int.self) != 0 {
        let tag = entry.load(as: Int.self)
        if values.indices.contains(tag) { values[tag] = entry.load(fromByteOffset: 8, as: UInt.self) }
        entry += 16
      }
      // The kernel's own module is not relocated.
      func pointer(_ tag: Int) -> UnsafeRawPointer? {
        values[tag] == 0
          ? nil : UnsafeRawPointer(bitPattern: values[tag] < base ? base + values[tag] : values[tag])
      }
      guard let strings = pointer(5), let symbols = pointer(6) else { return }
      for (table, byteCount) in [(pointer(7), values[8]), (pointer(23), values[2])] {
        guard let table else { continue }
        // Relocation: u64 offset, u32 type, u32 symbol, i64 addend. Symbol of 24 bytes: u32 name.
        for offset in stride(from: 0, to: Int(byteCount), by: 24) {
          let relocation = table + offset
          let symbol = Int(relocation.load(fromByteOffset: 12, as: UInt32.self))
          guard symbol != 0, isSlot(relocation.load(fromByteOffset: 8, as: UInt32.self)) else { continue }
          let name = strings + Int((symbols + symbol * 24).load(as: UInt32.self))
          let slot = base &+ relocation.load(as: UInt.self)
          for replacement in replacements
          where strcmp(
            name.assumingMemoryBound(to: CChar.self),
            UnsafeRawPointer(replacement.name.utf8Start)
              .assumingMemoryBound(to: CChar.self)) == 0
          {
            overwrite(slot, replacement.function)
          }
        }
      }
    }

    /// JUMP_SLOT and GLOB_DAT.
    private static func isSlot(_ type: UInt32) -> Bool {
      #if arch(x86_64)
        type == 7 || type == 6
      #else
        type == 1026 || type == 1025
      #endif
    }

    private static func overwrite(_ slot: UInt, _ function: UnsafeRawPointer) {
      let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
      guard let start = UnsafeMutableRawPointer(bitPattern: slot & ~(page - 1)),
        let place = UnsafeMutableRawPointer(bitPattern: slot),
        // The linker has made the slots read-only.
        mprotect(start, Int(page), PROT_READ | PROT_WRITE) == 0
      else { return }
      place.storeBytes(of: function, as: UnsafeRawPointer.self)
      slotCount += 1
    }
  }
#endif
