// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Importing",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fixresc", path: "../..")],
  targets: [
    .executableTarget(
      name: "importing", dependencies: [.product(name: "FixresCompiler", package: "fixresc")])
  ],
  swiftLanguageModes: [.v6]
)
