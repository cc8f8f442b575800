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

  /// Gives `source` the references of the command line.
  func apply(to source: inout Import) {
    source.references = invocation.texts(Shared.reference).map { word in
      let (input, outputs) = paths(word)
      return .files(input: input, outputs: outputs)
    }
    source.appliesOrientation = orients
    source.session = session
  }

  /// Runs `source`, showing what is settled by its references; `read` is called once its file is read.
  ///
  /// - Throws: What `Import.run` throws.
  func run(_ source: Import, read: @escaping (ImportResult) -> Void) throws(MethodError) -> ImportedModel {
    var bar = Progress("references", total: source.references.count, on: console)
    defer { bar.finish() }
    let result = try source.run { event in
      switch event {
      case .read(let result): read(result)
      case .settling(let done, let total): bar.update(done, of: total)
      }
    }
    guard let report = result.settlement else { return result }
    bar.finish()
    tell(report, result.droppedReferences)
    if let verified = result.model.metadata.verified {
      console.note("fixresc: verified by " + Self.sentence(verified))
    }
    return result
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
