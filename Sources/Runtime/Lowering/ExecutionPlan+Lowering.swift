import FixresIR

extension ExecutionPlan {
  /// The plan of `model` for `backend`, its logits and its features, where it has them, as outputs.
  ///
  /// Where all weights are constants of the model no kernel is run, so the backend may be that of another processor;
  /// weights that are computed from constants are packed at once, by a kernel.
  ///
  /// - Throws: `RuntimeError` where the graph lacks both outputs or holds something that no kernel computes.
  package static func plan(_ model: Model, for backend: any Backend) throws(RuntimeError) -> ExecutionPlan {
    let outputs = model.graph.runOutputs
    guard !outputs.isEmpty else { throw .missingOutput(name: GraphOutput.logits) }
    return try Lowering.plan(
      model, outputs: outputs, backend: backend, keepsValues: false, available: .max,
      pool: ThreadPool(threads: 1))
  }
}
