// swift-tools-version: 6.2
import PackageDescription

// One package of several programs, so that what they depend on is compiled once.
let package = Package(
  name: "Examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fixresc", path: "../..")],
  targets: [
    ("embedding", "FixresRuntime"), ("serving", "FixresRuntime"), ("batching", "FixresRuntime"),
    ("adapting", "FixresCompiler"), ("importing", "FixresCompiler"),
  ].map { name, product in
    .executableTarget(name: name, dependencies: [.product(name: product, package: "fixresc")])
  },
  swiftLanguageModes: [.v6]
)
