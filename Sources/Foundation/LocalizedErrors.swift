import FixresRuntime
import Foundation

extension FileError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension ReadError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension NpyError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension JSONError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension TypeFault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension IRError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension ModelFileFault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension Verifier.Fault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension ImageError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension RuntimeError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension PlanFault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension ClassifierError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}
