extension ResolutionSweep {
  /// Differences with a p-value from here on may be chance.
  public static let significance = 0.05

  /// The row of the highest top-1; of equals the one of lower loss, then the smaller one.
  public var best: Row? { Self.best(rows) }

  /// The cheapest row that is as good as the best one.
  public var recommended: Row? { recommended(among: rows) }

  /// The cheapest row of at most `milliseconds` a picture that is as good as the best of these.
  public func recommended(within milliseconds: Double) -> Row? {
    recommended(among: rows.filter { $0.milliseconds <= milliseconds })
  }

  /// The cheapest of `rows` whose top-1 and loss are not significantly worse than those of the best one.
  ///
  /// Few pictures tell little apart, which is no reason for a size below the trained one: where the baseline is
  /// among `rows`, smaller ones count only with at least its top-1; where it is not, with a top-1 within one
  /// standard error of the best (the one-standard-error rule of Breiman et al., "Classification and Regression
  /// Trees", 1984).
  private func recommended(among rows: [Row]) -> Row? {
    guard let best = Self.best(rows) else { return nil }
    let base = rows.first { $0.resolution == baseline }
    let equals = rows.filter { row in
      guard row.resolution != best.resolution else { return true }
      guard isAsGood(row, as: best) else { return false }
      guard let base else {
        let paired = PairedSignificance(row.score.hits, best.score.hits)
        let difference = Double(paired.onlySecond - paired.onlyFirst)
        return difference * difference <= Double(paired.onlyFirst + paired.onlySecond)
      }
      return row.macs >= base.macs
        || row.score.evaluation.top1Count >= base.score.evaluation.top1Count
    }
    return equals.min { ($0.macs, $0.resolution) < ($1.macs, $1.resolution) }
  }

  /// Whether neither top-1 nor loss of `row` are significantly worse than those of `best`.
  public func isAsGood(_ row: Row, as best: Row) -> Bool {
    guard row.score.hits.count == best.score.hits.count else { return false }
    let hits = PairedSignificance(row.score.hits, best.score.hits)
    let loss = PairedDifference(best.score.losses, row.score.losses)
    return (hits.onlySecond <= hits.onlyFirst || hits.p >= Self.significance)
      && (loss.mean <= 0 || loss.p >= Self.significance)
  }

  /// The difference of `score`'s loss from the baseline's; nil where there is no baseline.
  package func lossDifference(_ score: ClassificationScore) -> PairedDifference? {
    guard let base = baselineRow, base.score.losses.count == score.losses.count else { return nil }
    return PairedDifference(base.score.losses, score.losses)
  }

  /// Whether the top-1 of `row` differs from the baseline's by more than chance explains.
  public func isSignificant(_ row: Row) -> Bool {
    significance(row.score).map { $0.p < Self.significance } ?? false
  }

  /// The row of `rows` with the highest top-1; of equals the one with the lower loss, then the smaller one.
  private static func best(_ rows: [Row]) -> Row? {
    rows.min { a, b in
      let (hitsA, hitsB) = (a.score.evaluation.top1Count, b.score.evaluation.top1Count)
      if hitsA != hitsB { return hitsA > hitsB }
      if a.score.loss != b.score.loss { return a.score.loss < b.score.loss }
      return a.resolution < b.resolution
    }
  }
}
