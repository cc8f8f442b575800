/// What a step function finds at run time; one for a run, shared by all threads, never written by a step.
package struct RunContext {
  /// Start of each buffer of the plan (image 0, border included), by buffer index.
  package var buffers: UnsafePointer<UnsafeMutableRawPointer>
  /// Images in this run.
  package var batch: Int
  /// Memory of each thread's own: thread `t` may use `scratchByteCount` bytes from `scratch + t * scratchByteCount`.
  package var scratch: UnsafeMutableRawPointer
  package var scratchByteCount: Int

  package init(
    buffers: UnsafePointer<UnsafeMutableRawPointer>, batch: Int, scratch: UnsafeMutableRawPointer,
    scratchByteCount: Int
  ) {
    (self.buffers, self.batch) = (buffers, batch)
    (self.scratch, self.scratchByteCount) = (scratch, scratchByteCount)
  }
}

extension RunContext {
  /// Buffer `index` as floats.
  @inline(__always)
  package func floats(_ index: Int) -> UnsafeMutablePointer<Float> {
    (buffers + index).pointee.assumingMemoryBound(to: Float.self)
  }

  @inline(__always)
  package static func at(_ context: UnsafeRawPointer) -> RunContext { context.load(as: RunContext.self) }
}
