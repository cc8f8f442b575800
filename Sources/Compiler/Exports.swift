// The product `FixresCompiler`: checkpoints in, adaptation with its proof, the method, and the runtime that runs the result.
@_exported import FixresFormats
@_exported import FixresMethod
@_exported import FixresPasses
@_exported import FixresRuntime
