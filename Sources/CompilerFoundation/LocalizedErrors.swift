import FixresCompiler
import Foundation

extension ArchitectureError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension PassError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension MethodError: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension ReferenceFault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension TrainingStateFault: LocalizedError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}
