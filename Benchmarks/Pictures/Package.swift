// swift-tools-version: 6.2
import PackageDescription

/// Times decoding and resizing; a package of its own, so that the main one carries no benchmark.
let package = Package(
  name: "picture-bench",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fixresc", path: "../..")],
  targets: [
    .executableTarget(
      name: "picture-bench", dependencies: [.product(name: "FixresRuntime", package: "fixresc")])
  ],
  swiftLanguageModes: [.v6]
)
