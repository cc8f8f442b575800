import FixresBase
import FixresFormats
import FixresIR

/// An imported model, and what was found and assumed.
public struct ImportedModel: Sendable {
  /// The model: unfused, with its batch norms, as `Adaptation` takes it; of a `.bin` what it holds. Its metadata has the
  /// facts of the network and its pictures, each with who states it.
  public var model: Model
  /// The network's name, such as `resnet50`.
  public let architecture: String
  /// Facts that neither the file nor the options nor a reference state, a sentence each.
  public let assumed: [String]
  /// The dictionary and the prefix of names that hold the tensors; nil where the file holds them directly.
  public let wrapper: String?
  /// Number of trained parameters, without running statistics.
  public let parameters: Int
  /// Names of tensors and entries that the network does not use.
  public let ignored: [String]
  /// Non-fatal findings of reading the file, a sentence each.
  public let notes: [String]
  /// What references showed to be other than the file alone reads, such as `activation=silu`.
  public let settled: [String]
  /// What the references leave open, a sentence each: another one may settle it.
  public let open: [String]
  /// What the file is.
  package let kind: FileKind
  /// What the references showed; nil without one.
  package let settlement: ReferenceSettlement.Report?
  /// References that are too large to be kept with the model.
  package let droppedReferences: Int

  init(
    _ result: ImportResult, _ kind: FileKind, _ settlement: ReferenceSettlement.Report?, dropped: Int
  ) {
    (model, architecture, assumed) = (result.model, result.architecture, result.assumed)
    (wrapper, parameters, ignored) = (result.wrapper, result.parameters, result.ignored)
    notes = result.notes
    settled = settlement?.found.flatMap(\.facts) ?? []
    open = settlement?.open ?? []
    (self.kind, self.settlement, droppedReferences) = (kind, settlement, dropped)
  }
}
