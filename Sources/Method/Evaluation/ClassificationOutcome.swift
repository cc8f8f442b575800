import FixresRuntime

/// What the scores of one picture are worth, whose class is known.
package struct ClassificationOutcome: Hashable, Sendable {
  /// The rank of the class and its loss, under one reading of the scores.
  package struct Place: Hashable, Sendable {
    /// Number of classes that come before the picture's.
    package let rank: Int
    /// In nats.
    package let loss: Double

    /// A place of these figures.
    package init(rank: Int, loss: Double) { (self.rank, self.loss) = (rank, loss) }

    fileprivate init(_ row: UnsafeBufferPointer<Float>, _ label: Int, _ reading: ScoreReading) {
      self.init(rank: reading.rank(of: label, in: row), loss: reading.loss(of: label, in: row))
    }
  }

  /// Among the classes that compete.
  package let competing: Place
  /// Among all classes; nil where all compete anyway.
  package let overAll: Place?

  /// An outcome of these places.
  package init(competing: Place, overAll: Place?) {
    (self.competing, self.overAll) = (competing, overAll)
  }

  /// The outcome of the logits `row` `[classes]` where class `label` is right.
  package init(_ row: UnsafeBufferPointer<Float>, _ label: Int, _ reading: ScoreReading) {
    competing = Place(row, label, reading)
    overAll = reading.competing == nil ? nil : Place(row, label, reading.unrestricted)
  }
}
