/// Why a plan is refused: a step would read, or write, what it must not.
public struct PlanFault: Error, Hashable, Sendable {
  /// The invariant that is broken.
  public enum Kind: String, Hashable, Sendable {
    /// A buffer does not lie in the arena.
    case bufferOutsideArena
    /// Code reaches beyond the buffer, or the step's own memory.
    case outsideBuffer
    /// Pixels are read that lie outside the map and its border, or that nobody wrote.
    case outsideMap
    /// The map was written in another layout.
    case layout
    /// The bytes hold another value by then, or none.
    case valueLost
    /// A step writes bytes that it also reads.
    case writesWhatItReads
    /// A node has no step, or a step reads another number of values than its node.
    case operands
  }

  /// What is wrong.
  public let kind: Kind
  /// The value that the step's layer makes.
  public let layer: String
  /// The kernel's name; empty where no step is at fault.
  public let kernel: String
  /// The value that is read or written, or the step's own memory, such as `weights`.
  public let memory: String
  /// Where it lies for a batch of one: bytes from the start of the arena, or of the memory.
  public let offset: Int
  /// Bytes of it.
  public let byteCount: Int
  /// The value whose step has written there last; nil where none has.
  public let overwrittenBy: String?

  package init(
    _ kind: Kind, layer: String, kernel: String = "", memory: String, offset: Int = 0, byteCount: Int = 0,
    overwrittenBy: String? = nil
  ) {
    (self.kind, self.layer, self.kernel, self.memory) = (kind, layer, kernel, memory)
    (self.offset, self.byteCount, self.overwrittenBy) = (offset, byteCount, overwrittenBy)
  }
}
