import FixresIR

extension ExecutionPlan {
  /// The plan of `model` for `backend`, its logits and, where it has them, its features as outputs.
  ///
  /// No kernel is run, so the backend may be that of another processor.
  ///
  /// - Throws: `RuntimeError` where the graph lacks logits or holds something that no kernel computes.
  package static func plan(_ model: Model, for backend: any Backend) throws(RuntimeError) -> ExecutionPlan {
    guard let logits = model.graph.output(GraphOutput.logits) else {
      throw .missingOutput(name: GraphOutput.logits)
    }
    let outputs = [logits, model.graph.output(GraphOutput.features)].compactMap(\.self)
    return try Lowering.plan(
      model, outputs: outputs, backend: backend, keepsValues: false, available: .max,
      pool: ThreadPool(threads: 1))
  }
}
