/// How a session plans and runs its model.
public struct SessionOptions: Hashable, Sendable {
  /// Threads to run on; nil for the CPUs that affinity and the CPU quota really allow, never more than those.
  public var threads: Int?
  /// The most images that one pass through the network takes; a longer batch runs in such parts. Memory grows
  /// with it, results do not depend on it.
  public var maximumBatch: Int
  /// Forbid algorithms whose rounding differs from direct convolution (Winograd).
  public var isExact: Bool
  /// Pack all weights when the session is made. Otherwise a first run of one picture packs those of each layer as it
  /// comes to it, in memory that layers share, and has its result sooner; the run after it packs each layer into memory
  /// of its own and takes longer, as does a first run of several pictures. Until then the session reads the model's
  /// own memory, or its file.
  public var packsAtOpen: Bool
  /// Compare the packed weights that the model's file holds (`adapt --pack`) with what its constants give when the
  /// session is made, and refuse a model whose differ. Takes longer than packing them would (20 times the
  /// instructions of opening a packed ResNet-50, 0.1 s of CPU time; SECURITY.md): for files of unknown origin, whose packed
  /// weights may be another network's.
  public var verifiesPackedWeights: Bool
  /// Keep every value to the end of a run, so that it can be looked at; takes more memory.
  package var keepsValues = false
  /// A mistake that planning makes, for tests of the plan checker.
  package var plantedFault: PlantedPlanFault?
  /// A name that `FIXRESC_ISA` may hold, in its place; nil leaves the choice to that variable and the machine.
  package var instructionSet: String?

  /// Options with the given changes of the defaults.
  public init(
    threads: Int? = nil, maximumBatch: Int = 8, isExact: Bool = false, packsAtOpen: Bool = false,
    verifiesPackedWeights: Bool = false
  ) {
    self.verifiesPackedWeights = verifiesPackedWeights
    self.threads = threads
    self.maximumBatch = maximumBatch
    self.isExact = isExact
    self.packsAtOpen = packsAtOpen
  }
}
