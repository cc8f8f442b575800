/// The operators of ONNX that the importer reads.
package enum OnnxOperators {
  /// Their names; `Sum` and `Concat` are variadic.
  package static let names = Set(OnnxNode.inputCounts.keys).union(["Sum", "Concat"])
}
