import FixresBase

/// Why samples that others compute are not to be had.
public enum WorkerFault: Error, Hashable, Sendable {
  /// The task was not computed.
  case notComputed
  /// The file of a task can't be used; `expected` says what it should hold.
  case task(path: String, expected: String)
  /// A worker's machine chooses other kernels than the one that wrote the task, so that bits would differ.
  case kernels(expected: String, found: String)
  /// A record of the results is damaged.
  case record(offset: Int)
  /// Of the samples `0..<count`, `missing` is the first that has no record.
  case missing(sample: Int, count: Int)
  /// Two records of one sample differ.
  case twice(sample: Int)
  /// A file can't be read or written.
  case file(FileError)
}
