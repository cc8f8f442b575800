// The product `FixresFoundation`: the runtime, for apps that use Foundation.
@_exported import FixresRuntime
