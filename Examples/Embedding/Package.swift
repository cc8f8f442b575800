// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Embedding",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fixresc", path: "../..")],
  targets: [
    .executableTarget(
      name: "embedding", dependencies: [.product(name: "FixresRuntime", package: "fixresc")])
  ],
  swiftLanguageModes: [.v6]
)
