import FixresIR
import FixresImaging

/// How the class folders of a data set correspond to a model's logits.
package struct ClassMatching: Hashable, Sendable {
  /// How folders were matched to classes.
  package enum Rule: String, Hashable, Sendable {
    /// Every folder is called like one of the model's labels.
    case labels
    /// Every folder is called like one of the model's WordNet identifiers.
    case synsets
    /// Neither: folders in byte-wise order are the logits in order.
    case order
  }

  /// How the folders were matched.
  package let rule: Rule
  /// The logit of each folder.
  package let logits: [Int]

  /// Matches `folders`, in byte-wise order, to the classes of `metadata`.
  ///
  /// - Throws: `EvaluationError.otherClasses` where there are more folders than classes and no names match.
  package init(_ folders: [String], _ metadata: ModelMetadata, classCount: Int) throws(EvaluationError) {
    if let logits = Self.indices(of: folders.map(Self.plain), in: metadata.synsets.map(Self.plain)) {
      (rule, self.logits) = (.synsets, logits)
    } else if let logits = Self.indices(of: folders.map(Self.plain), in: metadata.labels.map(Self.plain)) {
      (rule, self.logits) = (.labels, logits)
    } else {
      guard folders.count <= classCount else {
        throw .otherClasses(folders: folders.count, classes: classCount)
      }
      (rule, logits) = (.order, Array(folders.indices))
    }
  }

  /// The index of each of `names` among `labels`, all different; nil where one is missing or ambiguous.
  private static func indices(of names: [String], in labels: [String]) -> [Int]? {
    var indices: [String: Int] = [:]
    for (index, label) in labels.enumerated() where indices.updateValue(index, forKey: label) != nil {
      // Two classes of one name (ImageNet has two cranes) match no folder.
      indices[label] = -1
    }
    let found = names.compactMap { name in indices[name].flatMap { $0 >= 0 ? $0 : nil } }
    return found.count == names.count && Set(found).count == found.count ? found : nil
  }

  /// Lower case, with blanks for underscores: folder names rarely hold blanks.
  private static func plain(_ name: String) -> String {
    name.lowercased().split(whereSeparator: { $0 == "_" || $0 == " " }).joined(separator: " ")
  }
}
