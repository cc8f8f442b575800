import FixresCompiler
import FixresFoundation
import Foundation

extension ArchitectureError: SentenceError {}
extension PassError: SentenceError {}
extension MethodError: SentenceError {}
extension ReferenceFault: SentenceError {}
extension TrainingStateFault: SentenceError {}
