import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// A cache, and the model of whose runs it keeps the results.
package struct CachedModel {
  let cache: FeatureCache
  let model: Model

  /// The results of `model` in `cache`; nil without a cache.
  package init?(_ model: Model, in cache: FeatureCache?) {
    guard let cache else { return nil }
    (self.cache, self.model) = (cache, model)
  }

  /// All that a run's results depend on but for the pictures.
  ///
  /// Kernels of one kind give the same bits however they are cut, so that threads and tuning do not matter; another
  /// build's may not.
  func key(
    _ session: Session, _ preprocessor: Preprocessor, _ augmentation: Augmentation,
    content: String
  )
    -> ContentHash
  {
    var hash = ContentHash("fixresc features 1", seed: Self.build)
    let lines = [
      session.plan.backend, session.kernelKinds, GraphPrinter.text(of: model.graph),
      "\(preprocessor.description)", "\(preprocessor.size)", "\(preprocessor.mode)",
      "\(preprocessor.appliesOrientation)", "\(preprocessor.limits)", "\(augmentation)", content,
    ]
    for line in lines { hash = ContentHash(line, seed: hash) }
    for name in model.constants.names.sorted() {
      guard let tensor = model.constants[name] else { continue }
      hash = ContentHash("\(name) \(tensor.shape)", seed: hash)
      hash = tensor.bytes.withUnsafeBytes { ContentHash($0, seed: hash) }
    }
    return hash
  }

  /// This program's contents, where the system shows them.
  private static let build: ContentHash =
    (try? MappedFile.open("/proc/self/exe"))?.withUnsafeBytes { ContentHash($0) }
    ?? ContentHash("unknown build")
}

extension Session {
  /// The kinds of the plan's kernels in order.
  var kernelKinds: String {
    plan.steps.map { $0.kernel.prefix { $0 != "-" } }.joined(separator: " ")
  }

  /// Names the kernels on which the bits of results depend: the instruction set and a hash of their kinds.
  var kernelName: String { "\(plan.backend) \(ContentHash(kernelKinds).text.prefix(8))" }
}
