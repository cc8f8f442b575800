import Foundation

/// Runs `llvm-objdump` over bytes wrapped in a minimal ELF object.
enum Disassembler {
  static let path: String? = ["/usr/bin/llvm-objdump", "/usr/local/bin/llvm-objdump"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// One normalised line an instruction.
  static func disassemble(_ code: [UInt8]) throws -> [String] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "fixresc-code-\(UUID().uuidString).o")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(object(code)).write(to: file)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path!)
    process.arguments = [
      "-d", "--mattr=+avx512f,+avx512vl,+avx512dq,+avx2,+fma,+crc32",
      "--x86-asm-syntax=intel", "--no-show-raw-insn", "--no-leading-addr", file.path,
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return output.split(separator: "\n").filter { $0.hasPrefix(" ") || $0.hasPrefix("\t") }.map {
      normalized(String($0))
    }
  }

  /// Spacing, comments and the symbol of a jump's target removed; the predicate of a comparison as a number, and a
  /// no-operation without the operands that make it long.
  static func normalized(_ line: String) -> String {
    if line.contains("vcmpunordps") {
      return normalized(line.replacingOccurrences(of: "vcmpunordps", with: "vcmpps") + ", 3")
    }
    let words = line.prefix { $0 != "#" && $0 != "<" }.split(whereSeparator: { " \t".contains($0) })
    return words.first == "nop" ? "nop" : words.joined(separator: " ")
  }

  /// An ELF64 relocatable object of one `.text` section.
  private static func object(_ code: [UInt8]) -> [UInt8] {
    let names: [UInt8] = Array("\0.text\0.shstrtab\0".utf8)
    let namesOffset = 64 + code.count
    let headersOffset = (namesOffset + names.count + 7) & ~7
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += little(1, 2) + little(62, 2) + little(1, 4) + little(0, 8) + little(0, 8)
    file += little(headersOffset, 8) + little(0, 4) + little(64, 2) + little(0, 2) + little(0, 2)
    file += little(64, 2) + little(3, 2) + little(2, 2)
    file += code + names
    file += [UInt8](repeating: 0, count: headersOffset - file.count)
    func section(_ name: Int, _ kind: Int, _ flags: Int, _ offset: Int, _ size: Int) -> [UInt8] {
      little(name, 4) + little(kind, 4) + little(flags, 8) + little(0, 8) + little(offset, 8)
        + little(size, 8)
        + little(0, 8) + little(16, 8) + little(0, 8)
    }
    file += section(0, 0, 0, 0, 0) + section(1, 1, 6, 64, code.count)
    file += section(7, 3, 0, namesOffset, names.count)
    return file
  }
}
