/// What the processor and the operating system offer, asked by an emitted CPUID stub.
package struct CPUFeatures: Hashable, Sendable {
  /// Features that fixresc knows by name, as they appear in messages.
  package enum Feature: String, Sendable, CaseIterable {
    case avx2, fma, sse42, avx512f, avx512vl, avx512bw, avx512dq
    case avx512bf16 = "avx512_bf16"
    case avx512vnni = "avx512_vnni"
    /// The operating system saves ymm registers.
    case ymmState = "ymm state"
    /// The operating system saves zmm and mask registers.
    case zmmState = "zmm state"
  }

  package var features: Set<Feature> = []
  /// Processor name as CPUID spells it.
  package var brand = ""
  /// Vendor, family, model and stepping; names the CPU that a tuning belongs to.
  package var signature = ""
  /// Bytes of data cache by level; 0 where unknown. One core's share of L3 is not considered.
  package var l1ByteCount = 0
  package var l2ByteCount = 0
  package var l3ByteCount = 0

  package init() {}

  /// All that a measurement of kernels may depend on: names the processor that a tuning holds for.
  package var identity: String {
    let names = Feature.allCases.filter(features.contains).map(\.rawValue).joined(separator: " ")
    return "\(signature), caches \(l1ByteCount) \(l2ByteCount) \(l3ByteCount), \(names)"
  }

  /// What `level` needs and this machine lacks.
  package func missing(for level: VectorISA.Level) -> [Feature] {
    let needed: [Feature] =
      switch level {
      case .avx2: [.ymmState, .avx2, .fma]
      case .avx512: [.ymmState, .avx2, .fma, .zmmState, .avx512f, .avx512vl, .avx512bw, .avx512dq]
      }
    return needed.filter { !features.contains($0) }
  }

  /// The widest level that this machine supports.
  package var best: VectorISA.Level? {
    [.avx512, .avx2].first { missing(for: $0).isEmpty }
  }
}

extension CPUFeatures {
  /// What this processor and system offer, asked once per process; nothing on a processor that is not x86-64.
  package static let current: Result<CPUFeatures, ExecutableMemoryError> = {
    #if arch(x86_64)
      Result(catching: detect)
    #else
      .success(CPUFeatures())
    #endif
  }()

  private static func detect() throws(ExecutableMemoryError) -> CPUFeatures {
    let stub = try CPUIDStub()
    var cpu = CPUFeatures()
    let vendor = stub.cpuid(0)
    let basic = stub.cpuid(1)
    let extended = vendor.eax >= 7 ? stub.cpuid(7) : .init()
    let extended1 = extended.eax >= 1 && vendor.eax >= 7 ? stub.cpuid(7, 1) : .init()
    func add(_ feature: Feature, _ word: UInt32, _ bit: Int) {
      if word >> bit & 1 == 1 { cpu.features.insert(feature) }
    }
    add(.sse42, basic.ecx, 20)
    add(.fma, basic.ecx, 12)
    add(.avx2, extended.ebx, 5)
    add(.avx512f, extended.ebx, 16)
    add(.avx512dq, extended.ebx, 17)
    add(.avx512bw, extended.ebx, 30)
    add(.avx512vl, extended.ebx, 31)
    add(.avx512vnni, extended.ecx, 11)
    add(.avx512bf16, extended1.eax, 5)
    if basic.ecx >> 27 & 1 == 1 {
      // XCR0: bit 1 xmm, bit 2 ymm, bits 5-7 mask and zmm.
      let state = stub.extendedState()
      if state & 0x06 == 0x06 { cpu.features.insert(.ymmState) }
      if state & 0xE6 == 0xE6 { cpu.features.insert(.zmmState) }
    }
    cpu.signature = signature(vendor: vendor, version: basic.eax)
    let highest = stub.cpuid(0x8000_0000).eax
    if highest >= 0x8000_0004 {
      let words = (2...4).flatMap { stub.cpuid(0x8000_0000 + UInt32($0)).words }
      cpu.brand = text(words)
    }
    let leaf: UInt32 = text([vendor.ebx, vendor.edx, vendor.ecx]) == "AuthenticAMD" ? 0x8000_001D : 4
    if leaf == 4 ? vendor.eax >= 4 : highest >= leaf { cpu.readCaches(stub, leaf: leaf) }
    return cpu
  }

  /// Deterministic cache parameters: leaf 4, or AMD's 0x8000001D of the same layout.
  private mutating func readCaches(_ stub: CPUIDStub, leaf: UInt32) {
    for index in 0..<8 {
      // eax 4:0 type (1 data, 3 unified), 7:5 level; ebx 11:0 line-1, 21:12 partitions-1, 31:22 ways-1; ecx sets-1
      let cache = stub.cpuid(leaf, UInt32(index))
      let kind = cache.eax & 31
      if kind == 0 { return }
      if kind == 2 { continue }
      let ways = Int(cache.ebx >> 22) + 1
      let partitions = Int(cache.ebx >> 12 & 0x3FF) + 1
      let line = Int(cache.ebx & 0xFFF) + 1
      let byteCount = ways * partitions * line * (Int(cache.ecx) + 1)
      switch cache.eax >> 5 & 7 {
      case 1: l1ByteCount = byteCount
      case 2: l2ByteCount = byteCount
      case 3: l3ByteCount = byteCount
      default: break
      }
    }
  }

  /// `vendor-family-model-stepping` with the extended fields of leaf 1 folded in.
  private static func signature(vendor: CPUIDStub.Words, version: UInt32) -> String {
    let baseFamily = version >> 8 & 15
    let family = baseFamily == 15 ? baseFamily + (version >> 20 & 255) : baseFamily
    let model = (version >> 4 & 15) | (version >> 16 & 15) << 4
    return "\(text([vendor.ebx, vendor.edx, vendor.ecx]))-\(family)-\(model)-\(version & 15)"
  }

  private static func text(_ words: [UInt32]) -> String {
    let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return text.split(separator: " ").joined(separator: " ")
  }
}
