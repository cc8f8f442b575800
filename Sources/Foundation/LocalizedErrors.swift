import FixresRuntime
import Foundation

/// An error whose `localizedDescription` is its `description`, one sentence.
public protocol SentenceError: LocalizedError, CustomStringConvertible {}

extension SentenceError {
  /// The sentence of the error, `description`.
  public var errorDescription: String? { description }
}

extension FileError: SentenceError {}
extension ReadError: SentenceError {}
extension NpyError: SentenceError {}
extension JSONError: SentenceError {}
extension TypeFault: SentenceError {}
extension IRError: SentenceError {}
extension ModelFileFault: SentenceError {}
extension Verifier.Fault: SentenceError {}
extension ImageError: SentenceError {}
extension RuntimeError: SentenceError {}
extension PlanFault: SentenceError {}
extension ClassifierError: SentenceError {}
