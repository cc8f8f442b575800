import FixresIR

/// What a step's arguments point to, kept alive as long as its plan.
package struct StepResources: Sendable {
  /// The arguments themselves, and tables that they refer to.
  package var blocks: [AlignedBlock]
  /// Emitted kernels that the step calls; none for portable steps.
  package var kernels: [any ListedKernel]
  /// The weights that the step's kernel reads; nil for a step without, and for portable kernels, whose weights are
  /// among `blocks`.
  package var weights: LayerWeights?
  /// The operation whose formula an element-wise step evaluates.
  package var operation: OperationReference?

  package init(
    blocks: [AlignedBlock] = [], kernels: [any ListedKernel] = [], weights: LayerWeights? = nil,
    operation: OperationReference? = nil
  ) {
    (self.blocks, self.kernels, self.weights, self.operation) = (blocks, kernels, weights, operation)
  }
}

/// A layer's weights as planning leaves them.
package indirect enum LayerWeights: Sendable {
  /// In place: mapped from the model's file, or packed while the layer was planned.
  case resident(PackedWeights)
  /// To be packed by a run.
  case unpacked(PackedWeights, WeightPackingStep)

  /// The weights, whatever their state.
  package var packed: PackedWeights {
    switch self {
    case .resident(let packed), .unpacked(let packed, _): packed
    }
  }

  /// What packs them; nil once they are in place.
  package var packing: WeightPackingStep? {
    switch self {
    case .resident: nil
    case .unpacked(_, let packing): packing
    }
  }
}

/// How the weights of a layer are packed.
package struct WeightPackingStep: Sendable {
  /// Owns the memory that `step` reads.
  package var source: Tensor
  /// Its items write to the address that the weights' cell holds.
  package var step: KernelStep
  /// `step` leaves some elements out, which must be zero.
  package var hasGaps: Bool

  package init(source: Tensor, step: KernelStep, hasGaps: Bool) {
    (self.source, self.step, self.hasGaps) = (source, step, hasGaps)
  }
}

/// Emitted code that can be shown as text.
package protocol ListedKernel: AnyObject, Sendable {
  /// A specification: family, tile, layer kind, instruction set.
  var name: String { get }
  /// Bytes of the code.
  var byteCount: Int { get }
  /// One instruction a line: offset, bytes in hexadecimal, Intel syntax.
  var listing: String { get }
}
