import FixresBase
import FixresIR

/// Replaces batch norms and the classifier of a model by those of a second checkpoint.
///
/// The file may hold any subset of them, with any supported names and wrapper. Its tensors must fit: another
/// shape (including another number of classes) and a name that the network does not have are errors.
/// Convolutions are compared with the model's, and differences are noted; they are never replaced.
package enum FineTunedOverlay {
  /// The findings of one replacement.
  package struct Report: Sendable {
    /// Non-fatal findings, a sentence each.
    package var notes: [String]
    /// Names of entries that are not used.
    package var ignored: [String]
  }

  /// Replaces constants of `model` by tensors of the checkpoint at `path`, and records it in the model's
  /// history; tensors whose names match `ignore` are left out.
  ///
  /// - Throws: `FormatError`, for a file that is no checkpoint or does not fit the model.
  package static func apply(
    _ path: String, to model: inout Model, ignore: [String] = []
  ) throws(FormatError) -> Report {
    let checkpoint = try Checkpoint.load(path: path, ignore: ignore)
    return try apply(checkpoint, path: path, to: &model)
  }

  /// Replaces constants of `model` by tensors of `checkpoint`, and records it in the model's history; `path`
  /// names the file in errors and history.
  ///
  /// - Throws: `FormatError`, for a checkpoint that does not fit the model.
  package static func apply(
    _ checkpoint: Checkpoint, path: String, to model: inout Model
  ) throws(FormatError) -> Report {
    let roles = roles(of: model.graph)
    let names = names(of: checkpoint, roles)
    let loader = WeightLoader(path: path, checkpoint: checkpoint, names: names)
    var report = Report(notes: checkpoint.notes, ignored: checkpoint.ignored)
    var taken: [String] = []
    var differing: [String] = []
    for tensor in checkpoint.tensors {
      let canonical = names.canonical(tensor.name)
      let leaf = canonical.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
      if Bystander.isCounter(leaf) {
        report.ignored.append(tensor.name)
        continue
      }
      guard let role = roles[canonical] else { throw refusal(tensor, canonical, model, path: path) }
      let old = model.constants[canonical]
      let data = try fitted(tensor, loader, shape: old?.shape ?? tensor.shape, path: path)
      switch role {
      case .convolution: if old != data { differing.append(tensor.name) }
      case .adaptable(let epsilon):
        do {
          try WeightCheck.check(
            data, name: tensor.name, canonical: canonical, epsilon: epsilon, &report.notes)
        } catch {
          throw .architecture(path: path, error)
        }
        do { try model.setConstant(canonical, to: data) } catch { throw .model(path: path, error) }
        taken.append(canonical)
      }
    }
    if let name = checkpoint.unreadable.keys.min(), let reason = checkpoint.unreadable[name] {
      throw .unreadableEvidence(path: path, name: name, reason: reason)
    }
    guard !taken.isEmpty else {
      throw .architecture(
        path: path, .nothingToOverlay(path: path, found: checkpoint.tensors.prefix(4).map(\.name)))
    }
    record(taken, differing: differing, path: path, &model, &report)
    return report
  }

  // MARK: Rules

  private enum Role {
    /// Compared, never replaced.
    case convolution
    /// A batch norm's, with its epsilon, or the classifier's, with 0.
    case adaptable(epsilon: Double)
  }

  private static func roles(of graph: Graph) -> [String: Role] {
    var roles: [String: Role] = [:]
    let constants = Set(graph.constants)
    for node in graph.nodes {
      for operand in node.operands where constants.contains(operand) {
        switch node.op.computation {
        case .batchNorm(let norm): roles[graph[operand].name] = .adaptable(epsilon: norm.epsilon)
        case .linear: roles[graph[operand].name] = .adaptable(epsilon: 0)
        case .copy, .elementwise, .sum, .product, .channelProduct, .convolution, .pool, .globalPool,
          .generalizedMean, .flatten, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
          roles[graph[operand].name] = .convolution
        }
      }
    }
    return roles
  }

  /// The names of the file's network or, where the file holds too little of one, names by their spelling
  /// without the leading components that none of the model's has.
  private static func names(of checkpoint: Checkpoint, _ roles: [String: Role]) -> NameMap {
    if let names = checkpoint.names { return names }
    let names = checkpoint.tensors.map(\.name)
    let first = names.first?.split(separator: ".") ?? []
    for count in 0..<min(8, max(first.count, 1)) {
      // A component such as `layer9` belongs to the network's own names.
      if count > 0, let word = NumberedWord(first[count - 1]), word.word != "#" { break }
      let shortened = names.map { name in
        String(name.split(separator: ".", maxSplits: count, omittingEmptySubsequences: false).last ?? "")
      }
      let map = NameMap(names: shortened)
      guard shortened.contains(where: { roles[map.canonical($0)] != nil }) else { continue }
      return count == 0 ? map : map.behind(components: count)
    }
    return NameMap(names: names)
  }

  private static func refusal(
    _ tensor: CheckpointTensor, _ canonical: String, _ model: Model, path: String
  ) -> FormatError {
    let hasBatchNorms = model.graph.nodes.contains { if case .batchNorm = $0.op { true } else { false } }
    let isBatchNorm =
      canonical.contains(".running_") || canonical.hasPrefix("bn1.") || canonical.contains(".bn")
    if !hasBatchNorms, isBatchNorm {
      return .architecture(
        path: path,
        .unsupported(
          feature: "a batch norm laid over a model whose batch norms are folded already",
          evidence: tensor.name))
    }
    return .architecture(
      path: path, .unexpectedTensor(name: tensor.name, found: tensor.shape, ignore: [tensor.name]))
  }

  private static func fitted(
    _ tensor: CheckpointTensor, _ loader: WeightLoader, shape: [Int], path: String
  ) throws(FormatError) -> Tensor {
    // Shapes may differ in trailing axes of 1: a linear layer stored as a 1x1 convolution.
    let squeezed = { (shape: [Int]) in shape.count == 4 && shape[2...] == [1, 1] ? Array(shape[..<2]) : shape
    }
    guard squeezed(tensor.shape) == squeezed(shape) else {
      throw .architecture(
        path: path,
        .misshapenTensor(name: tensor.name, expected: ShapePattern(shape.map { $0 }), found: tensor.shape))
    }
    return try loader.load(tensor, shape: shape)
  }

  private static func record(
    _ taken: [String], differing: [String], path: String, _ model: inout Model, _ report: inout Report
  ) {
    let isClassifier = { (name: String) in name.hasPrefix("fc.") }
    let norms = Set(
      taken.filter { !isClassifier($0) }.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
    let classifier = taken.filter(isClassifier)
    let file = path.split(separator: "/").last.map(String.init) ?? path
    model.forgetReferences()
    model.metadata.history.append(
      HistoryEntry(
        "finetuned",
        [
          .init("file", file), .init("tensors", "\(taken.count)"), .init("batch_norms", "\(norms.count)"),
          .init("classifier", classifier.isEmpty ? "none" : classifier.joined(separator: ", ")),
        ]))
    report.notes.append(
      "\(file): took \(taken.count) tensors, of \(norms.count) batch norms"
        + (classifier.isEmpty ? "" : " and the classifier"))
    if let first = differing.first {
      report.notes.append(
        "\(file): \(differing.count) other weights differ from the model's and were not taken (\(first)"
          + (differing.count > 1 ? ", ...)" : ")"))
    }
  }
}
