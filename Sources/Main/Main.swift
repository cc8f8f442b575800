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
    StandardDescriptors.fill()
    MappingGuard.install()
    AtomicFileWriter.requireUnchangedInputs()
    AddressSpace.spare()
    exit(Tool.run(ProgramArguments.words(), Console.standard()))
  }
}
