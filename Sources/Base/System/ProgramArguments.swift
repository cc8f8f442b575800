#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The words that a program was started with, as their bytes are.
package enum ProgramArguments {
  /// The words behind the program's name, each as `FileName.text`: `CommandLine.arguments` repairs what is not UTF-8, so
  /// that the names of other files would be read.
  package static func words() -> [String] {
    let count = max(0, Int(CommandLine.argc))
    let words = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: count)
    if !words.isEmpty { return words.dropFirst().compactMap { $0.map { FileName.text(of: $0) } } }
    return stackWords()
  }

  /// What the system put on the first stack: the count, the words, a zero, the environment (System V ABI, chapter 3).
  ///
  /// The standard library reads the words from `/proc`, which may be missing. Nothing may have changed the environment
  /// before.
  private static func stackWords() -> [String] {
    #if os(Linux)
      let environment = environ
      let stack = UnsafeRawPointer(environment).assumingMemoryBound(to: UInt.self)
      guard stack[-1] == 0 else { return [] }
      var count = 0
      while stack[-2 - count] != UInt(count) {
        count += 1
        guard count < 1 << 20 else { return [] }
      }
      return (0..<count).dropFirst().compactMap { index in
        UnsafePointer<CChar>(bitPattern: stack[-1 - count + index]).map { FileName.text(of: $0) }
      }
    #else
      return []
    #endif
  }
}
