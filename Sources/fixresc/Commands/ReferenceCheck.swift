import FixresBase
import FixresFormats
import FixresIR
import FixresMethod
import FixresRuntime

/// `--reference IN:OUT`: checks a model against what the user's own program gave, and settles what its file leaves open.
struct ReferenceCheck {
  private let invocation: Invocation
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  /// Checks `result`, which was read from a file of `kind`, against the references of the command line, settles its open
  /// facts by them, and keeps them with the model.
  ///
  /// - Throws: What is wrong with a pair, or `MethodError.reference` where none of the facts fits one.
  func settle(_ result: inout ImportResult, _ kind: FileKind) throws {
    let words = invocation.texts(Shared.reference)
    guard !words.isEmpty else { return }
    var pairs = try words.map { word in
      let (input, outputs) = paths(word)
      return try ReferenceReader.read(
        input: input, outputs: outputs, for: result.model, appliesOrientation: orients)
    }
    var settlement = ReferenceSettlement(result, isSettled: kind == .fixresModel, options: session)
    if let finetuned = invocation.text(Shared.finetuned), !finetuned.isEmpty {
      settlement.keepsConstants = true
    }
    var bar = Progress("references", total: pairs.count, on: console)
    let report: ReferenceSettlement.Report
    do {
      report = try settlement.run(&pairs) { bar.update($0, of: $1) }
      bar.finish()
    } catch {
      bar.finish()
      throw error
    }
    result = settlement.result
    let dropped = result.model.adopt(pairs, report.results)
    tell(report, dropped)
    if let verified = result.model.metadata.verified {
      console.note("fixresc: verified by " + Self.sentence(verified))
    }
  }

  private var orients: Bool { invocation.declares(Shared.exif) && invocation.has(Shared.exif) }

  /// The two paths in `IN:OUT`; where a name holds a colon, those that exist.
  private func paths(_ word: String) -> (input: String, outputs: String) {
    let all = ValueKind.pairs(word)
    let existing = all.first {
      DirectoryListing.kind(of: $0.input) != nil && DirectoryListing.kind(of: $0.output) != nil
    }
    let best = existing ?? all.first { DirectoryListing.kind(of: $0.input) != nil } ?? all.last
    return best.map { ($0.input, $0.output) } ?? (word, "")
  }

  private var session: SessionOptions {
    SessionOptions(threads: invocation.declares(Shared.threads) ? invocation.integer(Shared.threads) : nil)
  }

  /// What was found, on stderr, also with `--quiet`: it decides what the network computes.
  private func tell(_ report: ReferenceSettlement.Report, _ dropped: Int) {
    for found in report.found {
      console.say(
        "fixresc: \(found.facts.joined(separator: ", ")) fit to \(Text.significant(found.difference)); "
          + "the file alone reads as \(found.assumed.joined(separator: ", ")): "
          + "\(Text.significant(found.assumedDifference)) off")
    }
    for open in report.open {
      console.say(
        "fixresc: warning: the references leave open " + open
          + "; another --reference may settle it")
    }
    if dropped > 0 {
      console.note(
        "fixresc: note: \(Text.count(dropped, "reference")) too large to be kept with the model: at most "
          + "\(Text.bytes(ReferenceReader.keptByteCount)) are")
    }
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
