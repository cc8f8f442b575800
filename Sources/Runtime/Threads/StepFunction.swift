/// Computes items `begin ..< end` of a step on thread `thread`.
///
/// `arguments` is the step's own block, `context` points to a `RunContext`. Which items a call gets must not
/// change a bit of any result.
package typealias StepFunction =
  @convention(c) (
    _ arguments: UnsafeRawPointer, _ context: UnsafeRawPointer, _ begin: Int, _ end: Int, _ thread: Int
  ) -> Void
