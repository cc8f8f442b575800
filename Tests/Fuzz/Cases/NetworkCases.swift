import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport

/// Random networks through text, verifier, passes, lowering and every engine of this machine, against the reference.
///
/// A case is a line `case SEED BATCH` and the text of a graph; the seed gives constants and pictures.
enum NetworkCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat("network", seeds: [], share: 0, generate: generate, mutate: nil, read: read),
      FuzzFormat("plan", seeds: GraphText.seeds(), share: 4, mutate: GraphText.mutator.mutate, read: plan),
    ]
  }

  /// The instruction sets that this machine runs.
  private static let engines = InstructionSet.available

  private static func generate(_ dice: inout Dice) -> [UInt8] {
    let seed = dice.bits() >> 16
    var graph: Graph?
    if dice.once(in: 4) {
      do {
        graph = try RandomNetwork.make(seed: seed, layers: 1 + dice.below(6), oddNames: dice.once(in: 4))
          .graph
      } catch {}
    }
    while graph == nil { graph = WildNetwork.make(&dice) }
    guard let graph else { return [] }
    return Array("case \(seed) \(1 + dice.below(3))\n".utf8) + Array(GraphPrinter.text(of: graph).utf8)
  }

  /// What a case holds.
  private struct Case {
    var model: Model
    var input: [Float]
    var batch: Int
    var dice: Dice

    init?(_ bytes: Bytes) {
      guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }),
        let end = text.utf8.firstIndex(of: 0x0A)
      else { return nil }
      let words = text[..<end].split(separator: " ")
      guard words.count == 3, words[0] == "case", let seed = UInt64(words[1]), let batch = Int(words[2]),
        (1...8).contains(batch)
      else { return nil }
      do {
        let graph = try VerifiedGraph(GraphParser.parse(String(text[text.index(after: end)...]))).graph
        guard let image = graph.imageInput, graph.inputs.count == 1, NetworkCases.isSmall(graph) else {
          return nil
        }
        model = try .random(graph, seed: seed)
        self.batch = batch
        var dice = Dice(seed: seed)
        input = (0..<image.type.elementCount * batch).map { _ in Float(4 * dice.fraction() - 2) }
        self.dice = dice
      } catch {
        return nil
      }
    }
  }

  /// Whether the reference runs `graph` in a moment.
  private static func isSmall(_ graph: Graph) -> Bool {
    graph.values.allSatisfy { ($0.type.checkedElementCount ?? .max) <= 1 << 16 }
      && graph.nodes.allSatisfy { graph.multiplyAccumulates(of: $0) <= 1 << 23 } && graph.nodes.count < 200
  }

  // MARK: Checks

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    guard var example = Case(bytes) else { return .refused }
    let trip = GraphText.roundTrip(example.model.graph)
    guard trip == .accepted else { return trip }
    guard let before = ErrorBound(example.model, input: example.input, batch: example.batch) else {
      return .refused
    }
    let passed: Model
    switch passes(&example) {
    case .success(let model): passed = model
    case .failure(let verdict): return verdict.verdict
    }
    var after = before
    if passed.graph != example.model.graph {
      guard let bound = ErrorBound(passed, input: example.input, batch: example.batch) else {
        return .refused
      }
      after = bound
      if let fault = before.fault(against: after) { return .wrong("passes: \(fault)") }
    }
    let plain = example.dice.pick(engines)
    for name in engines {
      if let verdict = run(passed, on: name, example, within: after, &example.dice) { return verdict }
      guard name == plain, passed.graph != example.model.graph else { continue }
      if let verdict = run(example.model, on: name, example, within: before, &example.dice) { return verdict }
    }
    return .accepted
  }

  private struct Ended: Error { let verdict: FuzzFormat.Verdict }

  /// The model after all passes or some of them, verified after each.
  private static func passes(_ example: inout Case) -> Result<Model, Ended> {
    var names = Pipeline.defaultNames
    if example.dice.once(in: 2) { names = names.filter { _ in example.dice.below(3) > 0 } }
    var options = PassOptions()
    options.verifyEach = example.dice.once(in: 2)
    var driver = PassDriver(options)
    do {
      return .success(try driver.run(try Pipeline(names).passes, on: example.model))
    } catch {
      if case .broken = error { return .failure(Ended(verdict: .wrong("\(names): \(error)"))) }
      return .failure(Ended(verdict: .refused))
    }
  }

  /// Runs `model` in every way that must give the same bits; nil where all is well.
  private static func run(
    _ model: Model, on engine: String, _ example: Case, within bound: ErrorBound, _ dice: inout Dice
  ) -> FuzzFormat.Verdict? {
    var options = SessionOptions(threads: dice.once(in: 16) ? 2 : 1, isExact: dice.once(in: 4))
    options.instructionSet = engine
    options.packsAtOpen = dice.once(in: 4)
    if Planted.fault == .overlap, dice.once(in: 50) {
      options.plantedFault = .shortLiveRange(buffer: dice.below(8))
    }
    do {
      let session = try Session(model: model, options: options)
      let whole = try session.run(example.input)
      for (name, values) in [(GraphOutput.logits, whole.logits), (GraphOutput.features, whole.features)]
      where !values.isEmpty {
        if let fault = bound.fault(in: values, of: name) { return .wrong("\(engine): \(fault)") }
      }
      if example.batch > 1 {
        let size = example.input.count / example.batch
        let image = dice.below(example.batch)
        let alone = try session.run(Array(example.input[image * size..<(image + 1) * size]))
        guard isSame(alone.logits, whole.logits, image), isSame(alone.features, whole.features, image) else {
          return .wrong("\(engine): other bits alone than in a batch")
        }
      }
      guard dice.once(in: 4) else { return nil }
      options.keepsValues = true
      let kept = try Session(model: model, options: options).run(example.input)
      guard isSame(whole.logits, kept.logits, 0), isSame(whole.features, kept.features, 0) else {
        return .wrong("\(engine): other bits where every value is kept")
      }
      return nil
    } catch {
      if case RuntimeError.unsoundPlan = error { return .wrong("\(engine): \(error)") }
      return .refused
    }
  }

  /// Whether `part` has the bits of part `index` of `whole`.
  private static func isSame(_ part: [Float], _ whole: [Float], _ index: Int) -> Bool {
    let start = index * part.count
    guard start + part.count <= whole.count else { return false }
    return part.indices.allSatisfy { part[$0].bitPattern == whole[start + $0].bitPattern }
  }

  // MARK: Plans

  /// Bytes of the constants that a case may have.
  private static let mostConstants = 1 << 20

  /// Plans a changed graph for every engine: a plan, or a typed refusal.
  private static func plan(_ bytes: Bytes) -> FuzzFormat.Verdict {
    guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else { return .refused }
    do {
      let graph = try VerifiedGraph(GraphParser.parse(text)).graph
      let counts = graph.constants.map { graph[$0].type.checkedElementCount ?? .max }
      guard counts.reduce(0, { $0.addingReportingOverflow($1).partialValue }) <= mostConstants / 4,
        counts.allSatisfy({ $0 <= mostConstants / 4 })
      else { return .refused }
      var constants = Constants()
      for constant in graph.constants {
        let value = graph[constant]
        constants[value.name] = Tensor(
          shape: value.type.dims, [Float](repeating: 0.5, count: value.type.elementCount))
      }
      let model = try Model(graph: graph, constants: constants, metadata: ModelMetadata(architecture: "case"))
      for name in engines {
        _ = try ExecutionPlan.plan(model, for: try InstructionSet.choose(requested: name).backend)
      }
      return .accepted
    } catch {
      if case RuntimeError.unsoundPlan = error { return .wrong("\(error)") }
      return .refused
    }
  }
}

extension NetworkCases {
  /// The bound of a case's outputs beside their magnitude; nil where it has none.
  fileprivate static func relativeBound(_ file: [UInt8]) -> Float? {
    guard let example = Case(Bytes(file)) else { return nil }
    return ErrorBound(example.model, input: example.input, batch: example.batch)?.relativeBound
  }
}

extension FuzzSource {
  /// The bound of a network's outputs beside their magnitude; nil where case `number` has none.
  package static func networkBound(seed: UInt64, number: Int) -> Float? {
    FuzzFormat.named("network").flatMap { format in
      NetworkCases.relativeBound(FuzzSource(format).makeCase(seed: seed, number: number))
    }
  }
}
