import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Fixed pools that cover their whole map: global wherever they are read as such, refused where that is unknown.
@Suite struct PooledHeadTests {
  /// A picture of `side`, a strided convolution to half of it, and a head on that map.
  private static func model(
    side: Int, _ head: (inout GraphBuilder, ValueID) throws -> ValueID
  ) throws -> Model {
    var builder = GraphBuilder(name: "head")
    let input = try builder.input("input", .image(3, side, side))
    let weight = try builder.constant("conv.weight", shape: [4, 3, 3, 3])
    let conv = Conv2D(strides: Extent(2, 2), padding: Padding(1), activation: .relu)
    let map = try builder.append(.conv2d(conv), [input, weight], name: "conv")
    var row = try head(&builder, map)
    if builder[row].type.isImage { row = try builder.append(.flatten(.init()), [row], name: "flatten") }
    let classifier = try builder.constant("fc.weight", shape: [5, builder[row].type.elementCount])
    try builder.output(
      GraphOutput.logits,
      try builder.append(.linear(.init(hasBias: false)), [row, classifier], name: "fc"))
    return try .random(builder.build(), seed: 3)
  }

  private static func whole(_ side: Int) -> Window {
    Window(kernel: Extent(square: side), strides: Extent(square: side))
  }

  private static func logits(_ model: Model, seed: UInt64) throws -> [Float] {
    var random = SeededRandom(seed: seed)
    let count = model.graph.inputs.reduce(1) { $0 * model.graph[$1].type.elementCount }
    let input = (0..<count).map { _ in Float(random.nextGaussian()) }
    let reference = try ReferenceInterpreter(model, input: input, batch: 1)
    return try #require(reference.output(GraphOutput.logits)).elements
  }

  /// Two pools under a sum, a product, a concatenation, behind views: each gives what global pools give.
  @Test(arguments: ["add", "multiply", "concat", "concat rows", "scaled"], [9, 12, 18, 24])
  func pooledSumsFollowTheSize(_ kind: String, _ side: Int) throws {
    func head(_ mean: Op, _ maximum: Op) -> (inout GraphBuilder, ValueID) throws -> ValueID {
      return { builder, map in
        var a = try builder.append(mean, [map], name: "mean")
        var b = try builder.append(maximum, [map], name: "maximum")
        switch kind {
        case "multiply": return try builder.append(.multiply(.init()), [a, b], name: "joined")
        case "concat": return try builder.append(.concat(.init(count: 2)), [a, b], name: "joined")
        case "concat rows":
          a = try builder.append(.flatten(.init()), [a], name: "a")
          b = try builder.append(.flatten(.init()), [b], name: "b")
          return try builder.append(.concat(.init(count: 2)), [a, b], name: "joined")
        case "scaled":
          b = try builder.append(.silu(.init()), [b], name: "silu")
          let sum = try builder.append(.add(.init()), [a, b], name: "sum")
          return try builder.append(.scalarAffine(.init(scale: 0.5, offset: 0)), [sum], name: "joined")
        default: return try builder.append(.add(.init()), [a, b], name: "joined")
        }
      }
    }
    let fixed = try Self.model(
      side: 12,
      head(
        .averagePool(.init(window: Self.whole(6), countIncludePad: false)),
        .maxPool(.init(window: Self.whole(6)))
      ))
    let global = try Self.model(
      side: side, head(.globalAveragePool(.init()), .globalMaxPool(.init())))
    let adapted = try Adapt.run(fixed, to: Extent(square: side)).model
    let (a, b) = (try Self.logits(adapted, seed: 5), try Self.logits(global, seed: 5))
    #expect(zip(a, b).allSatisfy { ($0 - $1).magnitude < 1e-5 }, "\(a), not \(b)")
  }

  /// A pool whose result is added to what a convolution makes of the same map is none of a head's.
  private static func mixed(side: Int, kernel: Int) throws -> Model {
    try model(side: side) { builder, map in
      let weight = try builder.constant("side.weight", shape: [4, 4, kernel, kernel])
      let other = try builder.append(
        .conv2d(.init(strides: Extent(square: kernel))), [map, weight], name: "side")
      let pool = try builder.append(.maxPool(.init(window: whole(kernel))), [map], name: "pool")
      return try builder.append(.add(.init()), [other, pool], name: "sum")
    }
  }

  @Test func largePoolsOfUnknownMeaningAreRefused() throws {
    let model = try Self.mixed(side: 10, kernel: 5)
    #expect(throws: PassError.self) { try Adapt.run(model, to: Extent(square: 18)) }
    do {
      _ = try Adapt.run(model, to: Extent(square: 18))
    } catch {
      #expect(
        error
          == .poolTiedToMap(layer: "pool", map: Extent(5, 5), newMap: Extent(9, 9), requested: Extent(18, 18))
      )
    }
    // The same map at another size of the picture.
    #expect(try Adapt.run(model, to: Extent(square: 9)).model.graph.resolution == Extent(9, 9))
  }

  @Test func headsThatWouldReadAPartAreRefused() throws {
    let model = try Self.mixed(side: 6, kernel: 3)
    #expect(PooledHead.partialReader(in: model.graph) == nil)
    do {
      _ = try Adapt.run(model, to: Extent(square: 10))
      Issue.record("a head that reads a part of its map was accepted")
    } catch {
      guard case .headReadsPart(_, let map, _) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(map == Extent(5, 5))
    }
  }

  @Test func globalHeadsReadAll() throws {
    let model = try Self.model(side: 12) { builder, map in
      try builder.append(.generalizedMeanPool(.init(exponent: 3)), [map], name: "gem")
    }
    for side in [4, 9, 31] {
      #expect(PooledHead.partialReader(in: try Adapt.run(model, to: Extent(square: side)).model.graph) == nil)
    }
  }
}
