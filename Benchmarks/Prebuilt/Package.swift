// swift-tools-version: 6.2
import PackageDescription

// An app that uses an installed libfixresc, which is as fast in its debug builds: pkg-config finds the library.
let package = Package(
  name: "Prebuilt",
  targets: [
    .systemLibrary(name: "CFixresc", pkgConfig: "fixresc"),
    .executableTarget(name: "prebuilt", dependencies: ["CFixresc"]),
  ],
  swiftLanguageModes: [.v6]
)
