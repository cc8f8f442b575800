import FixresBase
import FixresIR

/// Why a model cannot be opened, planned or run.
public enum RuntimeError: Error, Hashable, Sendable {
  /// The model file or its graph is refused.
  case model(IRError)
  /// The graph lacks an input or an output that a session needs.
  case missingOutput(name: String)
  /// An operation cannot be run as it stands; `value` is its result's name.
  case unsupported(value: String, operation: String, reason: String)
  /// The input holds `found` floats where `batch` pictures of `shape` `[C, H, W]` need `expected`.
  case inputSize(batch: Int, shape: [Int], expected: Int, found: Int)
  /// A caller's buffer for `name` holds `found` floats and needs `expected`.
  case outputSize(name: String, expected: Int, found: Int)
  /// A plan for the graph needs `needed` bytes where the machine has `available`.
  case planTooLarge(needed: Int, available: Int)
  /// This process was forked while a thread of its parent was in a run of the session, whose memory it left half
  /// written: make another session.
  case forkedDuringRun
  /// The task was cancelled, or the caller of a command asked for an end.
  case cancelled
  /// The model holds packed weights that are not what the constant `name` gives, arranged as `layout`.
  case packedWeights(name: String, layout: String)
  /// `FIXRESC_ISA` names no instruction set that this build knows.
  case unknownInstructionSet(found: String, known: [String])
  /// `FIXRESC_ISA` asks for an instruction set and the machine lacks what `missing` names.
  case instructionSetUnavailable(name: String, missing: String)
  /// The plan that was made would not compute the graph: a fault of this program, found before anything is run.
  case unsoundPlan(PlanFault)
  /// What is made of the model's constants, folded or packed, would take `needed` bytes, and may take `limit`; `value` is
  /// the first whose part exceeds it.
  case derivedConstantsTooLarge(value: String, needed: Int, limit: Int)
  /// A value name that the graph does not have.
  case unknownValue(String)
}
