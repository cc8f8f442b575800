import FixresIR

/// The passes of `adapt` and the constraints on their order.
package struct Pipeline: Sendable {
  package let passes: [any Pass]

  /// The default passes, in the order in which they run.
  package static let defaultNames = defaultPasses(to: nil).map(\.name)

  package static func defaultPasses(to target: Extent?) -> [any Pass] {
    [
      RetargetResolution(to: target),
      Canonicalize(),
      FoldConstants(),
      FoldBatchNorm(),
      FuseConvResidual(),
      FuseConvActivation(),
      EliminateDeadNodes(),
    ]
  }

  /// `earlier` may not run after `later`.
  package struct Constraint: Sendable {
    package let earlier: String
    package let later: String
    package let reason: String

    init(_ earlier: String, before later: String, _ reason: String) {
      (self.earlier, self.later, self.reason) = (earlier, later, reason)
    }
  }

  package static let constraints = [
    Constraint(
      "retarget-resolution", before: "canonicalize",
      "nodes are simplified at the size that the network will run at"),
    Constraint(
      "retarget-resolution", before: "fold-constants",
      "adaptations at the new size need the batch norms as they were trained"),
    Constraint(
      "retarget-resolution", before: "fold-batch-norm",
      "batch norm is adapted at the new size, and folding takes its statistics away"),
    Constraint(
      "retarget-resolution", before: "fuse-conv-residual",
      "adaptations at the new size work on layers that are not fused"),
    Constraint(
      "retarget-resolution", before: "fuse-conv-activation",
      "adaptations at the new size work on layers that are not fused"),
    Constraint(
      "canonicalize", before: "fold-batch-norm",
      "an identity between a convolution and its batch norm hides one from the other"),
    Constraint(
      "fold-constants", before: "fold-batch-norm",
      "weights computed from constants must be constants before a batch norm is multiplied into them"),
    Constraint(
      "fold-batch-norm", before: "fuse-conv-residual",
      "the sum at the end of a block reads the batch norm, and its convolution only once that is folded"),
    Constraint(
      "fold-batch-norm", before: "fuse-conv-activation",
      "a ReLU reads the batch norm, and its convolution only once that is folded"),
    Constraint(
      "canonicalize", before: "fuse-conv-residual", "an identity between a convolution and a sum hides it"),
    Constraint(
      "canonicalize", before: "fuse-conv-activation", "an identity between a convolution and a ReLU hides it"),
    Constraint(
      "fold-constants", before: "eliminate-dead-nodes", "it leaves constants that nothing reads any more"),
    Constraint(
      "fold-batch-norm", before: "eliminate-dead-nodes",
      "it leaves the statistics that nothing reads any more"),
  ]

  /// The passes called `names`, or the default ones, retargeting to `target`.
  package init(_ names: [String]? = nil, to target: Extent? = nil) throws(PassError) {
    let known = Self.defaultPasses(to: target)
    guard let names else {
      passes = known
      return
    }
    var chosen: [any Pass] = []
    for name in names {
      guard let pass = known.first(where: { $0.name == name }) else {
        throw .unknownPass(name: name, known: known.map(\.name))
      }
      guard !chosen.contains(where: { $0.name == name }) else { throw .repeatedPass(name: name) }
      chosen.append(pass)
    }
    if let broken = Self.firstBrokenConstraint(names) {
      throw .order(earlier: broken.earlier, later: broken.later, reason: broken.reason)
    }
    if let target, !chosen.contains(where: { $0 is RetargetResolution }) {
      throw .resolutionWithoutRetarget(requested: target)
    }
    passes = chosen
  }

  /// The first constraint that the order of `names` violates; nil where it keeps all.
  package static func firstBrokenConstraint(_ names: [String]) -> Constraint? {
    constraints.first { constraint in
      guard let earlier = names.firstIndex(of: constraint.earlier),
        let later = names.firstIndex(of: constraint.later)
      else { return false }
      return later < earlier
    }
  }
}
