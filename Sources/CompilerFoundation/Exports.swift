// The product `FixresCompilerFoundation`: the compiler, for apps that use Foundation.
@_exported import FixresCompiler
@_exported import FixresFoundation
