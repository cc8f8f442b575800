import FixresCompiler
import FixresFoundation
import Foundation

extension ArchitectureError: SentenceError {}
extension CheckpointError: SentenceError {}
extension ClassTableFault: SentenceError {}
extension EvaluationError: SentenceError {}
extension MethodError: SentenceError {}
extension PassError: SentenceError {}
extension ReferenceFault: SentenceError {}
extension TrainingStateFault: SentenceError {}
