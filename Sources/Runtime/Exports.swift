// What the public API of this module names: `import FixresRuntime` alone is enough.
@_exported import FixresBase
@_exported import FixresIR
@_exported import FixresImaging
