import FixresBase
import FixresIR
import FixresRuntime
import Testing

/// Every plan is replayed before it is used; mistakes of the planner are made on purpose here.
@Suite struct PlanCheckerTests {
  private static func options(_ instructionSet: String, keepsValues: Bool = false) -> SessionOptions {
    var options = SessionOptions(threads: 1, maximumBatch: 2)
    options.instructionSet = instructionSet
    options.keepsValues = keepsValues
    return options
  }

  private static func input(of model: Model, batch: Int) -> [Float] {
    var random = SeededRandom(seed: 3)
    let count = model.graph[model.graph.inputs[0]].type.elementCount * batch
    return (0..<count).map { _ in Float(random.nextGaussian()) }
  }

  private static func expectClose(_ found: [Float], _ wanted: [Float], _ what: String) {
    let scale = wanted.map(\.magnitude).max() ?? 0
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) where !((a - b).magnitude <= 1e-4 * scale) {
      Issue.record("\(what): \(a), not \(b), scale \(scale)")
      return
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func randomGraphsArePlannedSoundlyAndComputed(seed: UInt64) throws {
    let model = try RandomGraph.model(seed: seed, count: 4 + Int(seed % 12))
    let input = Self.input(of: model, batch: 3)
    let reference = try ReferenceInterpreter(model, input: input, batch: 3)
    for name in InstructionSet.available {
      for keepsValues in [false, true] {
        let session = try Session(model: model, options: Self.options(name, keepsValues: keepsValues))
        let output = try session.run(input)
        let what = "seed \(seed) on \(name), keeps values: \(keepsValues)"
        Self.expectClose(
          output.logits, try #require(reference.output(GraphOutput.logits)).elements, what)
        if let features = reference.output(GraphOutput.features) {
          Self.expectClose(output.features, features.elements, what + ", features")
        }
      }
    }
  }

  /// A mistake is refused, or makes no difference to any bit.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func plantedMistakesNeverChangeAResult(seed: UInt64) throws {
    let model = try RandomGraph.model(seed: 500 + seed, count: 10)
    let input = Self.input(of: model, batch: 2)
    for name in InstructionSet.available {
      let sound = try Session(model: model, options: Self.options(name))
      let wanted = try sound.run(input)
      var faults: [PlantedPlanFault] = [.eagerSharing]
      for index in sound.plan.buffers.indices {
        faults += [.shortLiveRange(buffer: index), .narrowBorder(map: index), .borderedPixel(map: index)]
        faults += [
          .offset(buffer: index, by: 64), .offset(buffer: index, by: -64), .offset(buffer: index, by: 4),
        ]
      }
      for fault in faults {
        var options = Self.options(name)
        options.plantedFault = fault
        do throws(RuntimeError) {
          let found = try Session(model: model, options: options).run(input)
          #expect(found == wanted, "seed \(500 + seed) on \(name): \(fault) changes the result")
        } catch {
          guard case .unsoundPlan = error else {
            Issue.record("seed \(500 + seed) on \(name): \(fault) gives \(error)")
            continue
          }
        }
      }
    }
  }

  /// `x` is read by the last node, and everything between makes values of its size.
  private static func chain() throws -> Model {
    var net = RandomNetwork(seed: 1)
    let input = try net.builder.input("input", .image(3, 8, 8))
    let x = try net.convolution(input, 16, kernel: Extent(3, 3), padding: Padding(1))
    var y = try net.append(.silu(Silu()), [x])
    y = try net.convolution(y, 16, kernel: Extent(3, 3), padding: Padding(1), relu: true)
    y = try net.convolution(y, 16, residual: y)
    return try net.head(try net.append(.add(Add()), [y, x]), classes: 5)
  }

  private static func fault(_ planted: PlantedPlanFault, _ name: String) throws -> PlanFault? {
    var options = Self.options(name)
    options.plantedFault = planted
    let model = try chain()
    do throws(RuntimeError) {
      _ = try Session(model: model, options: options)
      return nil
    } catch {
      guard case .unsoundPlan(let fault) = error else { throw error }
      return fault
    }
  }

  @Test(arguments: InstructionSet.available)
  func everyKindOfMistakeIsRefusedByName(instructionSet: String) throws {
    let plan = try Session(model: Self.chain(), options: Self.options(instructionSet)).plan
    let x = try #require(plan.buffers.firstIndex { $0.value == "conv3" })
    let short = try #require(try Self.fault(.shortLiveRange(buffer: x), instructionSet))
    #expect(short.kind == .valueLost || short.kind == .writesWhatItReads)
    #expect(!short.layer.isEmpty && !short.kernel.isEmpty && short.byteCount > 0)
    // A multiple of 64 that puts it over another buffer, and one that puts it outside.
    let other = try #require(plan.buffers.indices.first { $0 != x && plan.buffers[$0].firstStep > 0 })
    let distance = plan.buffers[other].offset - plan.buffers[x].offset
    if distance != 0 { #expect(try Self.fault(.offset(buffer: x, by: distance), instructionSet) != nil) }
    let outside = try #require(try Self.fault(.offset(buffer: x, by: plan.arenaByteCount), instructionSet))
    #expect(outside.kind == .bufferOutsideArena)
    let halo = try #require(try Self.fault(.narrowBorder(map: 0), instructionSet))
    #expect(halo.kind == .outsideMap)
    // The pooled map, which the classifier takes for a vector.
    let pixel = try #require(try Self.fault(.borderedPixel(map: 0), instructionSet))
    #expect(pixel.kind == .layout)
    let sharing = try #require(try Self.fault(.eagerSharing, instructionSet))
    #expect(sharing.kind == .valueLost || sharing.kind == .writesWhatItReads)
  }

  /// `y = conv(x) + x`, where the convolution reads neighbours of what it would overwrite.
  @Test(arguments: InstructionSet.available, [1, 3])
  func aResidualMayBeTheConvolutionsOwnInput(instructionSet: String, kernel: Int) throws {
    var net = RandomNetwork(seed: 4)
    let input = try net.builder.input("input", .image(3, 16, 16))
    let x = try net.convolution(input, 32)
    let y = try net.convolution(
      x, 32, kernel: Extent(kernel, kernel), padding: Padding(kernel / 2), residual: x, relu: true)
    let model = try net.head(y, classes: 9)
    let pictures = Self.input(of: model, batch: 2)
    let expected = try ReferenceInterpreter(model, input: pictures, batch: 2)
    let found = try Session(model: model, options: Self.options(instructionSet)).run(pictures)
    Self.expectClose(found.logits, try #require(expected.output(GraphOutput.logits)).elements, instructionSet)
  }

  /// What nobody reads is written all the same, and must not take its operand's memory from a later reader.
  @Test(arguments: InstructionSet.available)
  func aNodeThatNobodyReadsHarmsNothing(instructionSet: String) throws {
    var net = RandomNetwork(seed: 5)
    let input = try net.builder.input("input", .image(3, 16, 16))
    let x = try net.convolution(input, 32)
    let a = try net.convolution(x, 32, kernel: Extent(3, 3), padding: Padding(1))
    _ = try net.append(.relu(Relu()), [a])
    let window = Window(kernel: Extent(3, 3), strides: Extent(1, 1), padding: Padding(1))
    let b = try net.append(.maxPool(MaxPool(window: window)), [x])
    _ = try net.append(.relu(Relu()), [x])
    let model = try net.head(b, classes: 9)
    let pictures = Self.input(of: model, batch: 2)
    let expected = try ReferenceInterpreter(model, input: pictures, batch: 2)
    let found = try Session(model: model, options: Self.options(instructionSet)).run(pictures)
    Self.expectClose(found.logits, try #require(expected.output(GraphOutput.logits)).elements, instructionSet)
  }
}
