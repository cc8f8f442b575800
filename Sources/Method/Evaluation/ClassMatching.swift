import FixresIR
import FixresImaging

/// How the class folders of a data set correspond to a model's logits.
package struct ClassMatching: Hashable, Sendable {
  package enum Rule: String, Hashable, Sendable {
    /// Every folder is called like one of the model's labels.
    case labels
    /// Every folder is called like one of the model's WordNet identifiers.
    case synsets
    /// Neither: folders in byte-wise order are the logits in order.
    case order
  }

  package let rule: Rule
  /// The logit of each folder.
  package let logits: [Int]

  /// Matches `folders`, in byte-wise order, to the classes of `metadata`.
  package init(_ folders: [String], _ metadata: ModelMetadata, classCount: Int) throws(EvaluationError) {
    if let logits = Self.places(of: folders.map(Self.plain), in: metadata.synsets.map(Self.plain)) {
      (rule, self.logits) = (.synsets, logits)
    } else if let logits = Self.places(of: folders.map(Self.plain), in: metadata.labels.map(Self.plain)) {
      (rule, self.logits) = (.labels, logits)
    } else {
      guard folders.count <= classCount else {
        throw .otherClasses(folders: folders.count, classes: classCount)
      }
      (rule, logits) = (.order, Array(folders.indices))
    }
  }

  /// Places of all of `names` among `labels`, each another one; nil where one is missing or ambiguous.
  private static func places(of names: [String], in labels: [String]) -> [Int]? {
    var places: [String: Int] = [:]
    for (index, label) in labels.enumerated() where places.updateValue(index, forKey: label) != nil {
      // Two classes of one name (ImageNet has two cranes) match no folder.
      places[label] = -1
    }
    let found = names.compactMap { name in places[name].flatMap { $0 >= 0 ? $0 : nil } }
    return found.count == names.count && Set(found).count == found.count ? found : nil
  }

  /// Lower case, with blanks for underscores: folder names rarely hold blanks.
  private static func plain(_ name: String) -> String {
    name.lowercased().split(whereSeparator: { $0 == "_" || $0 == " " }).joined(separator: " ")
  }
}
