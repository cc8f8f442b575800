import FixresBase
import FixresFormats
import FixresIR
import FixresMethod
import FixresRuntime

/// `--reference IN:OUT`: checks a model against what the user's own program gave.
struct ReferenceCheck {
  private let invocation: Invocation
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  /// Checks `result` against the references of the command line and keeps them with the model.
  ///
  /// - Throws: What is wrong with a pair, or `MethodError.reference` where one does not fit.
  func settle(_ result: inout ImportResult) throws {
    let words = invocation.texts(Shared.reference)
    guard !words.isEmpty else { return }
    let pairs = try words.map { word in
      let (input, outputs) = paths(word)
      return try ReferenceReader.read(input: input, outputs: outputs, for: result.model)
    }
    try check(pairs, &result.model)
  }

  /// The two paths in `IN:OUT`; where a name holds a colon, those that exist.
  private func paths(_ word: String) -> (input: String, outputs: String) {
    let all = ValueKind.pairs(word)
    let existing = all.first {
      DirectoryListing.kind(of: $0.input) != nil && DirectoryListing.kind(of: $0.output) != nil
    }
    let best = existing ?? all.first { DirectoryListing.kind(of: $0.input) != nil } ?? all.last
    return best.map { ($0.input, $0.output) } ?? (word, "")
  }

  private func check(_ pairs: [ReferencePair], _ model: inout Model) throws {
    var bar = Progress("references", total: pairs.count, on: console)
    var checked = model
    checked.references = pairs
    let results = try checked.checkReferences(options: session) { done, _ in bar.update(done) }
    bar.finish()
    if let misfit = results.first(where: { !$0.fits }) {
      throw MethodError.reference(
        .misfit(
          ReferenceMisfit(
            name: misfit.name, difference: misfit.distance.difference, tolerance: ReferenceTrial.rounding)))
    }
    let dropped = model.adopt(pairs, results)
    if dropped > 0 {
      console.note(
        "fixresc: note: \(Text.count(dropped, "reference")) too large to be kept with the model: at most "
          + "\(Text.bytes(ReferenceReader.keptByteCount)) are")
    }
    if let verified = model.metadata.verified {
      console.note("fixresc: verified by " + Self.sentence(verified))
    }
  }

  private var session: SessionOptions {
    SessionOptions(threads: invocation.declares(Shared.threads) ? invocation.integer(Shared.threads) : nil)
  }

  /// `2 references, greatest difference 2.4e-06`
  static func sentence(_ verified: Verification) -> String {
    "\(Text.count(verified.references, "reference")), greatest difference "
      + "\(Text.significant(verified.maximumDifference)) of the largest output"
  }

  /// Prints `results`, a line each, and gives them as JSON.
  ///
  /// - Throws: `CommandError.refused` where one does not fit.
  static func report(_ results: [ReferenceTrial.Result], _ console: Console) throws -> JSON {
    for (index, result) in results.enumerated() {
      console.line(
        (index == 0 ? "references     " : "               ")
          + "\(result.name) at \(result.resolution): greatest difference "
          + "\(Text.significant(result.distance.difference)) of the largest output"
          + (result.fits ? "" : ", too far off"))
    }
    if let misfit = results.first(where: { !$0.fits }) {
      throw CommandError.refused(
        kind: "adapt.reference",
        "expected the outputs of \(misfit.name) at \(misfit.resolution) to "
          + "\(Text.significant(ReferenceTrial.rounding)) of the largest, found a difference of "
          + "\(Text.significant(misfit.distance.difference)); nothing was written")
    }
    return .array(
      results.map { result in
        [
          "name": .string(result.name), "resolution": .string("\(result.resolution)"),
          "max_difference": JSON(result.distance.difference),
          "read_as": .string(result.distance.form.rawValue),
        ]
      })
  }
}
