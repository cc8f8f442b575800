import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import Testing

/// Small files that ask for much: what planning takes is bounded by them, and sizes that nothing can hold are refused.
@Suite struct PlanSizeTests {
  /// The plan of `input`, then what `body` appends, then a head; nothing is run.
  private static func plan(
    _ input: TensorType, on instructionSet: String, available: Int = .max,
    _ body: (inout RandomNetwork, ValueID) throws -> ValueID
  ) throws -> ExecutionPlan {
    var net = RandomNetwork(seed: 2)
    let x = try body(&net, try net.builder.input("input", input))
    let model = try net.head(x, classes: 3)
    let backend = try InstructionSet.choose(requested: instructionSet).backend
    return try ExecutionPlan.plan(model, for: backend)
  }

  /// Every window of a pool as wide as its map is clipped somewhere else.
  @Test(arguments: InstructionSet.available, [8192, 32768])
  func clippedWindowsAreNotUnrolled(instructionSet: String, side: Int) throws {
    for isMaximum in [true, false] {
      let window = Window(
        kernel: Extent(1, side), strides: Extent(1, 1),
        padding: Padding(top: 0, left: side / 2, bottom: 0, right: side / 2))
      let plan = try Self.plan(.image(3, 1, side), on: instructionSet) { net, x in
        try net.append(
          isMaximum
            ? .maxPool(MaxPool(window: window))
            : .averagePool(AveragePool(window: window, countIncludePad: false)), [x])
      }
      #expect(plan.packedByteCount < 8 << 20)
      #expect(instructionSet == "portable" || plan.steps[1].refusal != nil)
    }
  }

  /// The divisors of a mean do not need a number a pixel.
  @Test(arguments: InstructionSet.available)
  func meansOfLargeMapsKeepNoTableOfThem(instructionSet: String) throws {
    let window = Window(kernel: Extent(3, 3), strides: Extent(1, 1), padding: Padding(1))
    let plan = try Self.plan(.image(8, 20_000, 20_000), on: instructionSet) { net, x in
      try net.append(.averagePool(AveragePool(window: window, countIncludePad: false)), [x])
    }
    #expect(plan.packedByteCount < 8 << 20)
  }

  /// A kernel as tall as its map meets it otherwise at every row.
  @Test(arguments: InstructionSet.available)
  func tallKernelsAreNotEmittedForEachRow(instructionSet: String) throws {
    let plan = try Self.plan(.image(1, 4000, 1), on: instructionSet) { net, x in
      try net.convolution(
        x, 1, kernel: Extent(4001, 1), padding: Padding(top: 2000, left: 0, bottom: 2000, right: 0))
    }
    #expect(instructionSet == "portable" || plan.steps[1].refusal != nil)
  }

  /// Tables of a plan do not grow with a map, however tall or wide.
  @Test(arguments: InstructionSet.available)
  func largeMapsTakeNoLargeTables(instructionSet: String) throws {
    for (height, width) in [(1 << 24, 1), (1, 1 << 24), (1 << 22, 4)] {
      for kernel in [1, 3] {
        let plan = try Self.plan(.image(8, height, width), on: instructionSet) { net, x in
          try net.convolution(x, 8, kernel: Extent(kernel, kernel), padding: Padding(kernel / 2))
        }
        #expect(plan.packedByteCount < 1 << 20, "\(height)x\(width)")
      }
    }
  }

  /// What 32 bits cannot say is left to kernels that need not say it, or refused.
  @Test(arguments: InstructionSet.available)
  func hugeMapsArePlannedOrRefused(instructionSet: String) throws {
    let sides = [Extent(7168, 7168), Extent(32768, 32768), Extent(1, 1 << 30), Extent(1 << 30, 1)]
    for side in sides {
      for (channels, kernel, stride) in [(3, 7, 2), (64, 3, 1), (64, 3, 2), (256, 1, 1)] {
        do throws(RuntimeError) {
          _ = try Self.planned(
            side, channels: channels, kernel: kernel, stride: stride, on: instructionSet)
        } catch {
          guard case .planTooLarge(let needed, _) = error else { throw error }
          #expect(needed > 1 << 46)
        }
      }
    }
  }

  private static func planned(
    _ side: Extent, channels: Int, kernel: Int, stride: Int, on name: String
  ) throws(RuntimeError) -> ExecutionPlan? {
    do {
      return try plan(.image(channels, side.height, side.width), on: name) { net, x in
        let padding = Padding(kernel / 2)
        let y = try net.convolution(
          x, 64, kernel: Extent(kernel, kernel), strides: Extent(stride, stride), padding: padding)
        let window = Window(kernel: Extent(3, 3), strides: Extent(2, 2), padding: Padding(1))
        return try net.append(.maxPool(MaxPool(window: window)), [y])
      }
    } catch let error as RuntimeError {
      throw error
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func nodesOverConstantsAreCounted() throws {
    var net = RandomNetwork(seed: 6)
    let x = try net.builder.input("input", .image(3, 4, 4))
    var weights = try net.constant([3, 3, 1, 1], scale: 1)
    let large = try net.constant([1 << 21], scale: 0)
    var value = large
    for _ in 0..<64 { value = try net.append(.gelu(Gelu()), [value]) }
    for _ in 0..<64 { weights = try net.append(.tanh(Tanh()), [weights]) }
    let y = try net.builder.append(
      .conv2d(Conv2D(strides: Extent(1, 1), padding: .zero, groups: 1, hasBias: false)), [x, weights],
      name: "y")
    // Nobody reads the large ones, so that none of them is made.
    let model = try net.head(y, classes: 2)
    #expect(throws: Never.self) { _ = try Session(model: model) }
  }

  @Test func constantsOutOfConstantsAreRefusedBeforeTheyAreMade() throws {
    var net = RandomNetwork(seed: 6)
    var x = try net.builder.input("input", .image(1 << 18, 1, 1))
    // 1 MB, of which 200 nodes make 200 MB, each read by a layer of its own.
    let gamma = try net.constant([1 << 18], scale: 0, offset: 1)
    for _ in 0..<200 {
      let scale = try net.append(.tanh(Tanh()), [gamma])
      x = try net.append(.batchNorm(BatchNorm(epsilon: 1)), [x, scale, gamma, gamma, gamma])
    }
    let model = try net.head(x, classes: 1)
    let error = #expect(throws: RuntimeError.self) { _ = try Session(model: model) }
    guard case .derivedConstantsTooLarge(let value, let needed, let limit) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!value.isEmpty && needed > limit && limit >= 32 << 20)
  }

  @Test func aBatchBeyondAnyMemoryIsRefused() throws {
    let plan = try Self.plan(.image(3, 8, 8), on: "portable") { net, x in try net.convolution(x, 8) }
    #expect(try plan.arenaByteCount(images: 3) == 3 * plan.arenaByteCount)
    #expect(throws: RuntimeError.self) { _ = try plan.arenaByteCount(images: .max) }
    #expect(throws: RuntimeError.self) { _ = try plan.arenaByteCount(images: -1) }
  }

  #if arch(x86_64)
    /// The assembler says so instead of trapping, and keeps no more than a function may have.
    @Test(arguments: VectorISA.Level.allCases)
    func whatCannotBeEncodedIsAFault(level: VectorISA.Level) {
      let isa = VectorISA(level)
      func code(_ body: (inout X86KernelAssembler) -> Void) -> AssembledCode {
        var assembler = X86KernelAssembler(isa)
        assembler.function(FunctionFrame(counters: [.counter0])) { kernel in
          kernel.loadArgument(.source, field: 0)
          body(&kernel)
        }
        return assembler.code
      }
      let limit = Int(Int32.max)
      #expect(code { $0.load(Vector(0), MemoryOperand(.source, limit)) }.fault == nil)
      #expect(code { $0.load(Vector(0), MemoryOperand(.source, limit + 1)) }.fault == .distance(limit + 1))
      #expect(code { $0.load(Vector(0), MemoryOperand(.source, -limit - 2)) }.fault == .distance(-limit - 2))
      #expect(code { $0.advance(.source, by: limit + 1) }.fault == .distance(limit + 1))
      #expect(code { $0.loop(.counter0, limit + 1) { $0.zero(Vector(0)) } }.fault == .distance(limit + 1))
      let long = code { kernel in
        kernel.loop(.counter0, 2) { kernel in for _ in 0..<5_000_000 { kernel.zero(Vector(0)) } }
      }
      #expect(long.fault != nil && long.bytes.count < 17 << 20)
    }
  #endif
}

extension MemoryPlannerTests {
  /// Placed in order of time, as graphs of very many live values are.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func liveBuffersNeverMeetInOrderOfTime(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let requests = (0..<random.nextInt(in: 1..<80)).map { _ in
      let first = random.nextInt(in: 0..<40)
      return MemoryPlanner.Request(
        byteCount: 64 * random.nextInt(in: 1..<5), first: first, last: first + random.nextInt(in: 0..<12))
    }
    let placement = MemoryPlanner.place(requests, mostPairs: random.nextInt(in: 0..<30))
    Self.expectApart(placement, requests, "seed \(seed)")
  }

  @Test func aLongChainSharesTwoPlaces() {
    let requests = (0..<40_000).map { MemoryPlanner.Request(byteCount: 640, first: $0, last: $0 + 1) }
    #expect(MemoryPlanner.place(requests).byteCount == 1280)
  }

  @Test func sizesBeyondIntAreMoreThanAnyMachineHas() {
    let requests = (0..<5).map { _ in MemoryPlanner.Request(byteCount: .max / 4, first: 0, last: 1) }
    #expect(MemoryPlanner.place(requests).byteCount == .max)
  }
}
