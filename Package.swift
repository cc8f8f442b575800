// swift-tools-version: 6.2
import PackageDescription

// Rooms may only look down this list: fixresc -> Method -> {Formats, Passes, Runtime} -> Imaging -> IR -> Assembler -> Base.
// `Runtime` is also the name of a toolchain module, so every target carries the prefix `Fixres`.
let package = Package(
  name: "fixresc",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .executable(name: "fixresc", targets: ["fixresc-main"]),
    .library(name: "FixresRuntime", targets: ["FixresRuntime"]),
    .library(name: "FixresFoundation", targets: ["FixresFoundation"]),
    .library(name: "FixresCompiler", targets: ["FixresCompiler"]),
    .library(name: "FixresCompilerFoundation", targets: ["FixresCompilerFoundation"]),
    // libfixresc: `Packaging/library.sh` builds it with the symbols of Sources/C/fixresc.h alone.
    .library(name: "fixresc-shared", type: .dynamic, targets: ["FixresC"]),
  ],
  targets: [
    .target(name: "FixresBase", path: "Sources/Base"),
    .target(name: "FixresAssembler", dependencies: ["FixresBase"], path: "Sources/Assembler"),
    .target(name: "FixresIR", dependencies: ["FixresAssembler", "FixresBase"], path: "Sources/IR"),
    .target(
      name: "FixresFormats", dependencies: ["FixresIR", "FixresBase"], path: "Sources/Formats"),
    .target(name: "FixresPasses", dependencies: ["FixresIR", "FixresBase"], path: "Sources/Passes"),
    .target(
      name: "FixresRuntime", dependencies: ["FixresImaging", "FixresIR", "FixresAssembler", "FixresBase"],
      path: "Sources/Runtime"),
    .target(
      name: "FixresImaging", dependencies: ["FixresIR", "FixresBase"], path: "Sources/Imaging"),
    .target(
      name: "FixresMethod",
      dependencies: [
        "FixresImaging", "FixresFormats", "FixresPasses", "FixresRuntime", "FixresIR", "FixresAssembler",
        "FixresBase",
      ],
      path: "Sources/Method"),
    // Products that re-export what their users import, so that one import is enough.
    .target(
      name: "FixresCompiler",
      dependencies: ["FixresMethod", "FixresFormats", "FixresPasses", "FixresRuntime"],
      path: "Sources/Compiler"),
    .target(name: "FixresFoundation", dependencies: ["FixresRuntime"], path: "Sources/Foundation"),
    .target(
      name: "FixresCompilerFoundation", dependencies: ["FixresCompiler", "FixresFoundation"],
      path: "Sources/CompilerFoundation"),
    // A library, so that tests and the fuzzer call the command line as a function; the executable is `Main` alone.
    .target(
      name: "fixresc",
      dependencies: [
        "FixresMethod", "FixresImaging", "FixresFormats", "FixresPasses", "FixresRuntime", "FixresIR",
        "FixresAssembler", "FixresBase",
      ],
      path: "Sources/fixresc", plugins: ["Revision"]),
    // Says what commit `--version` has: a shell script that asks git, offline.
    .plugin(
      name: "Revision", capability: .buildTool(), path: "Plugins/Revision",
      exclude: ["revision.sh", "archive-commit"]),
    .target(
      name: "FixresC",
      dependencies: ["fixresc", "FixresMethod", "FixresRuntime", "FixresImaging", "FixresIR", "FixresBase"],
      path: "Sources/C", exclude: ["fixresc.h", "exports.map"]),
    .executableTarget(
      name: "fixresc-main", dependencies: ["fixresc", "FixresBase"], path: "Sources/Main"),
    .executableTarget(
      name: "kernel-bench", dependencies: ["FixresRuntime", "FixresIR", "FixresAssembler", "FixresBase"],
      path: "Benchmarks/Kernels"),
    .executableTarget(
      name: "classifier-bench", dependencies: ["FixresRuntime", "FixresIR", "FixresBase"],
      path: "Benchmarks/Classifier"),
    .executableTarget(
      name: "file-bench", dependencies: ["FixresIR", "FixresBase"], path: "Benchmarks/Files"),
    .executableTarget(
      name: "engine-probe", dependencies: ["FixresRuntime", "FixresIR", "FixresBase"],
      path: "Tests/EngineProbe"),
    .executableTarget(
      name: "soak",
      dependencies: [
        "FixresRuntime", "FixresImaging", "FixresPasses", "FixresIR", "FixresBase", "TestSupport",
      ],
      path: "Tests/Soak"),
    .target(
      name: "TestSupport",
      dependencies: ["FixresIR", "FixresBase"],
      path: "Tests/TestSupport"),
    .target(
      name: "FixresFuzz",
      dependencies: [
        "fixresc", "FixresMethod", "FixresImaging", "FixresFormats", "FixresPasses", "FixresRuntime",
        "FixresIR",
        "FixresAssembler", "FixresBase", "TestSupport",
      ],
      path: "Tests/Fuzz/Cases"),
    .executableTarget(
      name: "fixresc-fuzz",
      dependencies: [
        "FixresFuzz", "FixresRuntime", "FixresImaging", "FixresIR", "FixresBase", "TestSupport",
      ],
      path: "Tests/Fuzz/Tool"),
  ]
    + [
      ("BaseTests", ["FixresBase"]),
      ("IRTests", ["FixresIR", "FixresBase"]),
      ("FormatsTests", ["FixresFormats", "FixresIR", "FixresBase"]),
      ("PassesTests", ["FixresPasses", "FixresFormats", "FixresRuntime", "FixresIR", "FixresBase"]),
      ("AssemblerTests", ["FixresAssembler", "FixresBase"]),
      (
        "RuntimeTests",
        [
          "FixresRuntime", "FixresImaging", "FixresPasses", "FixresFormats", "FixresIR", "FixresAssembler",
          "FixresBase",
        ]
      ),
      ("ImagingTests", ["FixresImaging", "FixresIR", "FixresBase"]),
      ("CTests", ["FixresC", "FixresMethod", "FixresRuntime", "FixresIR", "FixresBase"]),
      ("FuzzTests", ["FixresFuzz", "FixresBase"]),
      ("ProductTests", ["FixresCompilerFoundation"]),
      (
        "MethodTests",
        [
          "FixresMethod", "FixresImaging", "FixresFormats", "FixresPasses", "FixresRuntime", "FixresIR",
          "FixresBase",
        ]
      ),
      (
        "CommandTests",
        [
          "fixresc", "FixresMethod", "FixresImaging", "FixresFormats", "FixresPasses", "FixresRuntime",
          "FixresIR", "FixresBase",
        ]
      ),
    ].map { (name: String, dependencies: [String]) in
      .testTarget(
        name: name,
        dependencies: (dependencies + ["TestSupport"]).map { .init(stringLiteral: $0) },
        path: "Tests/\(name)")
    },
  swiftLanguageModes: [.v6]
)
