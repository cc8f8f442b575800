// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Adapting",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fixresc", path: "../..")],
  targets: [
    .executableTarget(
      name: "adapting", dependencies: [.product(name: "FixresCompiler", package: "fixresc")])
  ],
  swiftLanguageModes: [.v6]
)
