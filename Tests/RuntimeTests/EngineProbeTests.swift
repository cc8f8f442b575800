import FixresBase
import FixresIR
import FixresRuntime
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// What this system offers of what the probe needs.
private enum System {
  #if canImport(Glibc)
    static let hasGlibc = true
    /// `PR_GET_MDWE` answers: the process can give up the right to executable memory.
    static let canRefuse: Bool = {
      typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
      let getMDWE: Int32 = 66
      guard let prctl = dlsym(nil, "prctl").map({ unsafeBitCast($0, to: Prctl.self) }) else { return false }
      return prctl(getMDWE, 0, 0, 0, 0) >= 0
    }()
  #else
    static let hasGlibc = false
    static let canRefuse = false
  #endif
}

/// What a process of its own shows of the engine: that warm runs allocate nothing, and what happens where the
/// system refuses executable memory.
@Suite(.enabled(if: System.hasGlibc, "engine-probe needs glibc"))
struct EngineProbeTests {
  private let folder: TemporaryFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    model = folder.path + "/model.bin"
    try ModelFile.write(
      try bottleneckNetwork(
        seed: 12, resolution: Extent(45, 38), blocks: [1, 2, 1, 1], width: 32, classes: 33), to: model)
  }

  /// The probe's lines, and its exit status.
  private func run(_ words: [String]) throws -> (lines: [String], status: Int32) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try BuiltProduct.path(of: "engine-probe"))
    process.arguments = words
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text.split(separator: "\n").map(String.init), process.terminationStatus)
  }

  /// Zeros where the file has no bytes any more, an error for whoever asks, and other faults for the handler that was
  /// there before.
  @Test func aShortenedFileIsAnErrorAndOtherFaultsArePassedOn() throws {
    let file = folder.path + "/file"
    try AtomicFileWriter.write([UInt8](repeating: 7, count: 1 << 20), to: file)
    // A file that has just been written is read, not mapped.
    sleep(3)
    let (lines, status) = try run(["faults", file])
    #expect(lines == ["true true"] && status == 42)
  }

  @Test func aForkInTheMiddleOfARunNeverHangs() throws {
    let (lines, status) = try run(["fork", model, "60"])
    let words = lines.first?.split(separator: " ").map(String.init) ?? []
    #expect(status == 0 && words.count == 4, "\(lines)")
    #expect(words.last == "true" && words[2] == "0", "ran, refused, neither, parent the same: \(words)")
    #expect(words[1] != "0", "no child was forked in the middle of a run")
  }

  @Test(arguments: InstructionSet.available, [(1, 1), (2, 1), (1, 8), (2, 8), (2, 3)])
  func warmRunsAllocateNothing(instructionSet: String, shape: (threads: Int, batch: Int)) throws {
    let words = ["allocations", model, instructionSet, "\(shape.threads)", "\(shape.batch)"]
    let (lines, status) = try run(words)
    #expect(status == 0 && lines.count == 1)
    let threads = min(shape.threads, ProcessorAllowance.current().count)
    #expect(lines.first == "\(instructionSet) \(threads) 0 0", "\(shape): backend, threads, calls, bytes")
  }

  /// The same with a model as it comes: batch norms, activations and sums as steps of their own.
  @Test(arguments: InstructionSet.available) func unfusedRunsAllocateNothing(instructionSet: String) throws {
    try ModelFile.write(try SmallModel.residual(), to: model)
    let (lines, status) = try run(["allocations", model, instructionSet, "1", "3"])
    #expect(status == 0 && lines == ["\(instructionSet) 1 0 0"])
  }

  @Test func anAllocationInARunIsSeen() throws {
    let (lines, status) = try run(["allocations", model, "portable", "1", "1", "--allocate"])
    #expect(status == 0)
    let fields = try #require(lines.first).split(separator: " ").compactMap { Int($0) }
    #expect(fields.count == 3 && fields[1] >= 100, "\(lines)")
  }

  @Test(.enabled(if: System.canRefuse, "needs prctl(PR_SET_MDWE), which Linux has since 6.3"))
  func aSystemThatRefusesExecutableMemoryRunsPortableKernels() throws {
    let (lines, status) = try run(["refused", model])
    #expect(status == 0 && lines.count == 2, "\(lines)")
    let fields = try #require(lines.first).split(separator: "|").map(String.init)
    #expect(fields[0] == "portable" && fields[1] == "portable")
    #if arch(x86_64)
      #expect(fields[2].hasPrefix("the system refuses executable memory (mprotect, errno "))
      #expect(fields[3] == "false" && fields[4].hasPrefix("mprotect refused"))
      #expect(lines[1] == "avx2 lacks executable memory")
    #endif
    var options = SessionOptions()
    options.instructionSet = "portable"
    let session = try Session(model: try ModelFile.open(model), options: options)
    let output = try session.run([Float](repeating: 0.25, count: session.inputShape.reduce(1, *)))
    #expect(fields.last == "\(output.logits[0])")
  }
}
