import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime

/// Runs a network before and after each pass through the reference interpreter: translation validation (Pnueli, Siegel
/// and Singerman 1998), which trusts neither the passes nor the engine.
package final class PassVerifier {
  /// What was found, pass by pass.
  package private(set) var verifications: [PassVerification] = []
  /// Passes whose networks are too large for the interpreter at any size that they allow.
  package private(set) var unverified: [String] = []
  /// The first failure.
  package private(set) var failure: MethodError?
  private var last: (model: Model, values: [String: ReferenceValue])?

  /// Multiply-accumulates that the interpreter runs in seconds; a larger network is run at a smaller size.
  private let usualMacs: Int
  /// Beyond, or beyond this many floats, nothing is run.
  private static let maximumMacs = 1 << 36
  private static let maximumFloats = 1 << 28

  /// No pass verified yet; networks of more than `usualMacs` are run at a smaller size.
  package init(usualMacs: Int = 1 << 31) { self.usualMacs = usualMacs }

  /// Compares the networks around `pass`; a failure is kept.
  package func verify(_ pass: String, before: PassNetwork, after: PassNetwork) {
    guard failure == nil else { return }
    do throws(MethodError) {
      guard let result = try verification(pass, before, after) else {
        unverified.append(pass)
        return
      }
      verifications.append(result)
      guard result.holds else {
        throw .passFailed(
          pass: pass, layer: result.firstDeparture, resolution: result.resolution,
          difference: result.deviation.difference, limit: result.limit)
      }
    } catch {
      failure = error
    }
  }

  private func verification(
    _ pass: String, _ before: PassNetwork, _ after: PassNetwork
  ) throws(MethodError) -> PassVerification? {
    let (old, new) = (try Self.model(before, pass), try Self.model(after, pass))
    for size in Self.sizes(old.graph.resolution) {
      guard let first = Self.retyped(old, to: size), let second = Self.retyped(new, to: size),
        Self.isAffordable(first.graph), Self.isAffordable(second.graph)
      else { continue }
      let isLast = size == Self.sizes(old.graph.resolution).last
      guard Self.cost(of: first.graph) <= usualMacs || isLast else { continue }
      return try compare(pass, first, second)
    }
    // Of fixed size: as it is, if at all.
    guard old.graph.resolution == new.graph.resolution, Self.isAffordable(old.graph),
      Self.isAffordable(new.graph)
    else { return nil }
    return try compare(pass, old, new)
  }

  /// The network's own size, then smaller ones.
  private static func sizes(_ own: Extent) -> [Extent] {
    [1, 2, 3, 4, 6, 8, 16, 32, 64].map { part in
      Extent(max(own.height / part, min(own.height, 32)), max(own.width / part, min(own.width, 32)))
    }
  }

  private static func isAffordable(_ graph: Graph) -> Bool {
    let floats = graph.values.reduce(0) { $0.addingSaturated($1.type.elementCount) }
    return cost(of: graph) <= maximumMacs && floats <= maximumFloats
  }

  /// Operations of one run: multiply-accumulates, the elements that windows of pools read, and some for each value.
  private static func cost(of graph: Graph) -> Int {
    graph.nodes.reduce(graph.multiplyAccumulates) { sum, node in
      let count = graph[node.result].type.elementCount
      var each = 8
      if case .pool(let window, _) = node.op.computation {
        each = each.addingSaturated(window.kernel.height.multipliedChecked(window.kernel.width) ?? .max)
      }
      return sum.addingSaturated(count.multipliedChecked(each) ?? .max)
    }
  }

  private func compare(
    _ pass: String, _ old: Model, _ new: Model
  ) throws(MethodError) -> PassVerification {
    let input = try NoiseInput.make(for: old.graph)
    let before: [String: ReferenceValue]
    if let last, last.model.graph == old.graph, last.model.constants == old.constants {
      before = last.values
    } else {
      before = try Self.values(of: old, input)
    }
    let after = try Self.values(of: new, input)
    last = (new, after)
    var outputs: ([Float], [Float]) = ([], [])
    for output in old.graph.outputs {
      let name = old.graph[output.value].name
      guard let reference = before[name]?.elements,
        let found = new.graph.output(output.name).flatMap({ after[new.graph[$0].name]?.elements }),
        found.count == reference.count
      else { throw .pass(.broken(pass: pass, .unknownValue(output.name))) }
      outputs.0 += reference
      outputs.1 += found
    }
    return PassVerification(
      pass: pass, resolution: old.graph.resolution, deviation: Deviation(of: outputs.1, from: outputs.0),
      firstDeparture: Self.firstDeparture(new, before, after))
  }

  private static func firstDeparture(
    _ model: Model, _ before: [String: ReferenceValue], _ after: [String: ReferenceValue]
  ) -> String? {
    for node in model.graph.nodes {
      let name = model.graph[node.result].name
      guard let old = before[name], let new = after[name], old.dims == new.dims else { continue }
      let deviation = Deviation(of: new.elements, from: old.elements)
      if !(deviation.difference <= PassVerification.tolerance * deviation.magnitude) { return name }
    }
    return nil
  }

  private static func values(of model: Model, _ input: [Float]) throws(MethodError) -> [String:
    ReferenceValue]
  {
    do { return try ReferenceInterpreter(model, input: input, batch: 1).values } catch {
      throw .runtime(error)
    }
  }

  private static func model(_ network: PassNetwork, _ pass: String) throws(MethodError) -> Model {
    do {
      return try Model(graph: network.graph, constants: network.constants, metadata: network.metadata)
    } catch {
      throw .pass(.broken(pass: pass, error))
    }
  }

  /// `model` with every type inferred anew for `size`; nil where it does not fit.
  private static func retyped(_ model: Model, to size: Extent) -> Model? {
    guard size != model.graph.resolution else { return model }
    var rewriter = Rewriter(model.graph)
    guard (try? rewriter.retype(resolution: size)) != nil else { return nil }
    return try? Model(graph: rewriter.finish(), constants: model.constants, metadata: model.metadata)
  }
}
