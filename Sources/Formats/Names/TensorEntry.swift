/// What the search of a network knows of a tensor before its data are read.
package struct TensorEntry: Sendable {
  /// The whole dotted path: keys of dictionaries, then the name.
  package var path: String
  /// Extent of each axis; nil where the value is no plain tensor.
  package var shape: [Int]?
  /// True for elements of a floating-point type.
  package var isFloatingPoint: Bool
  /// Equal for two names of the same stored data; nil where that is unknown.
  package var identity: String?

  /// Creates an entry.
  package init(path: String, shape: [Int]?, isFloatingPoint: Bool = true, identity: String? = nil) {
    self.path = path
    self.shape = shape
    self.isFloatingPoint = isFloatingPoint
    self.identity = identity
  }
}
