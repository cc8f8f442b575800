import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Packed weights that come from a model's file: the same bits as those packed here, and taken only where they fit.
@Suite struct PackedWeightsTests {
  static let kernelSets = InstructionSet.available.filter { $0 != "portable" }

  private static func network(groups: Int = 1) throws -> (model: Model, input: [Float]) {
    let model = try bottleneckNetwork(
      seed: 5, resolution: Extent(45, 38), blocks: [1, 2, 1, 1], width: 32, groups: groups,
      groupWidth: groups == 1 ? 64 : 4, classes: 33)
    var random = SeededRandom(seed: 9)
    return (model, (0..<3 * 45 * 38).map { _ in Float(random.nextGaussian()) })
  }

  private static func session(
    _ model: Model, _ instructionSet: String, isExact: Bool = false
  ) throws -> Session {
    var options = SessionOptions(threads: 2, isExact: isExact, packsAtOpen: true)
    options.instructionSet = instructionSet
    return try Session(model: model, options: options)
  }

  /// `model` with the weights of a session of `instructionSet`, written and read back.
  private static func stored(_ model: Model, _ instructionSet: String) throws -> Model {
    var packed = model
    packed.packedConstants = try session(model, instructionSet).packedConstants(of: model)
    let folder = try TemporaryFolder()
    try ModelFile.write(packed, to: folder.path + "/packed.bin")
    let read = try ModelFile.open(folder.path + "/packed.bin")
    #expect(read == packed)
    return read
  }

  @Test(arguments: kernelSets, [1, 32]) func nothingIsPackedAgain(instructionSet: String, groups: Int) throws
  {
    let (model, input) = try Self.network(groups: groups)
    let plain = try Self.session(model, instructionSet)
    let stored = try Self.stored(model, instructionSet)
    let layers = model.graph.nodes.count { $0.op.definition.operandRoles.contains(.weight) }
    #expect(stored.packedConstants.count == layers)
    let session = try Self.session(stored, instructionSet)
    #expect(session.plan.weights.all.count == layers)
    #expect(session.plan.weights.all.allSatisfy { $0.ownByteCount == 0 })
    #expect(session.plan.mappedByteCount == stored.packedConstants.reduce(0) { $0 + $1.byteCount })
    #expect(session.plan.packedByteCount < plain.plan.packedByteCount)
    #expect(session.plan.text.contains("mapped") && !plain.plan.text.contains("mapped"))
    let (found, packed) = (try session.residentWeights(), try plain.residentWeights())
    #expect(found.count == layers && packed.count == layers)
    for (a, b) in zip(found, packed) {
      #expect(a.elements == b.elements && a.weights.layout == b.weights.layout)
    }
    #expect(try session.run(input) == plain.run(input))
    #expect(
      try session.packedConstants(of: stored) == stored.packedConstants, "packing again changes nothing")
  }

  @Test(arguments: kernelSets) func otherKernelsPackTheirOwn(instructionSet: String) throws {
    let (model, input) = try Self.network()
    let stored = try Self.stored(model, instructionSet)
    for other in InstructionSet.available where other != instructionSet {
      let session = try Self.session(stored, other)
      #expect(session.plan.weights.all.isEmpty == (other == "portable"), "\(other)")
      #expect(session.plan.weights.all.allSatisfy { $0.ownByteCount > 0 }, "\(other)")
      #expect(try session.run(input) == Self.session(model, other).run(input))
    }
    let exact = try Self.session(stored, instructionSet, isExact: true)
    #expect(exact.plan.weights.all.contains { $0.ownByteCount > 0 } && exact.plan.mappedByteCount > 0)
    #expect(try exact.run(input) == Self.session(model, instructionSet, isExact: true).run(input))
  }

  @Test(arguments: kernelSets) func whatDoesNotFitIsPassedOver(instructionSet: String) throws {
    let (model, input) = try Self.network()
    let expected = try Self.session(model, instructionSet).run(input)
    let good = try Self.session(model, instructionSet).packedConstants(of: model)
    var foreign = model
    foreign.packedConstants = good.flatMap { entry -> [PackedConstant] in
      let short = Tensor(shape: [1], [7])
      let zeros = Tensor(
        shape: entry.elements.shape, [Float](repeating: 0, count: entry.elements.elementCount))
      guard let source = model.constants[entry.constant] else { return [] }
      return [("direct 16x9", zeros), ("", zeros), (entry.layout, short), (entry.layout + " ", zeros)].map {
        PackedConstant(constant: entry.constant, layout: $0.0, elements: $0.1, source: source)
      }
    }
    let session = try Self.session(foreign, instructionSet)
    #expect(session.plan.mappedByteCount == 0)
    #expect(try session.run(input) == expected)
  }

  /// Weights replaced after packing, as fine-tuning replaces the classifier's.
  @Test(arguments: kernelSets) func replacedWeightsArePackedAnew(instructionSet: String) throws {
    let (model, input) = try Self.network()
    var stored = try Self.stored(model, instructionSet)
    let name = try #require(
      model.graph.nodes.compactMap { node in
        if case .linear = node.op { model.graph[node.operands[1]].name } else { nil }
      }.first)
    let old = try #require(stored.constants[name])
    var changed = model
    try changed.setConstant(name, to: Tensor(shape: old.shape, old.floats.map { $0 * 2 }))
    try stored.setConstant(name, to: try #require(changed.constants[name]))
    let session = try Self.session(stored, instructionSet)
    #expect(session.plan.weights.all.count { $0.ownByteCount > 0 } == 1)
    #expect(try session.run(input) == Self.session(changed, instructionSet).run(input))
  }

  #if arch(x86_64)
    /// Files hold these bytes: `PackedConstant.version` must rise whenever this golden changes.
    @Test(arguments: kernelSets) func arrangementsAreThoseOfTheirVersion(instructionSet: String) throws {
      let level = try #require(VectorISA.Level(rawValue: instructionSet))
      let cache = KernelCache(isa: VectorISA(level))
      var lines: [String] = ["version \(PackedConstant.version)"]
      func add(_ what: String, _ weights: LayerWeights) {
        let packed = weights.packed
        let bytes = UnsafeRawBufferPointer(start: packed.base, count: packed.ownByteCount)
        let sum = ModelFile.checksum(of: Bytes(Array(bytes)))
        lines.append("\(what): \(packed.layout.name): \(packed.layout.count) elements, \(sum)")
      }
      for (inputs, outputs, kernel, groups) in [
        (37, 50, 1, 1), (3, 20, 7, 1), (48, 70, 3, 1), (64, 64, 3, 16),
      ] {
        let count = outputs * inputs / groups * kernel * kernel
        let weights = (0..<count).map { Float($0 % 1009) / 64 - 7 }
        let isStem = inputs == 3
        let descriptor = ConvolutionDescriptor(
          input: TensorLayout(
            channels: inputs, height: 9, width: 9, block: isStem ? 3 : cache.isa.lanes, border: .none),
          output: TensorLayout(channels: outputs, height: 9, width: 9, block: cache.isa.lanes, border: .none),
          kernelHeight: kernel, kernelWidth: kernel, groups: groups)
        let name = "\(outputs)x\(inputs)x\(kernel)x\(kernel), \(groups) groups"
        try weights.withUnsafeBufferPointer { weights in
          let parameters = LayerParameters(weights: try #require(weights.baseAddress), bias: nil)
          for blocks in 1...3 {
            let window = ConvolutionWindow(descriptor, cache.isa, blocks: blocks)
            add(name, try WeightPacking.direct(parameters, descriptor, window, blocks: blocks, cache: cache))
            guard kernel == 3, groups == 1 else { continue }
            for scheme in [WinogradScheme.f2, .f4, .polyphase2] {
              add(
                name, try WeightPacking.winograd(parameters, descriptor, scheme, blocks: blocks, cache: cache)
              )
            }
          }
          if groups > 1 { add(name, try WeightPacking.narrowGroups(parameters, descriptor, cache)) }
        }
      }
      let difference = Golden.difference(
        lines.joined(separator: "\n") + "\n", from: "packed/\(instructionSet).txt")
      #expect(difference == nil, "\(difference ?? "")")
    }
  #endif

  @Test func portableKernelsKeepNothing() throws {
    let (model, _) = try Self.network()
    #expect(try Self.session(model, "portable").packedConstants(of: model).isEmpty)
  }
}
