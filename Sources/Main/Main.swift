import FixresBase
import fixresc

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@main
enum Main {
  static func main() {
    // `CommandLine.arguments` repairs what is not UTF-8, so that the names of other files would be read.
    let count = max(0, Int(CommandLine.argc))
    let words = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: count).dropFirst()
    exit(Tool.run(words.compactMap { $0.map { FileName.text(of: $0) } }, Console.standard()))
  }
}
