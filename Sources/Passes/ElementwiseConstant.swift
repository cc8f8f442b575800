import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Element-wise operations over constants.
enum ElementwiseConstant {
  static func applies(to op: Op) -> Bool {
    switch op {
    case .identity, .dropout, .relu, .sigmoid, .add, .scalarAffineClamp: true
    default: false
    }
  }

  /// `op` over `sources`, whose shapes agree; nil for an operation that is not element-wise.
  static func evaluate(_ op: Op, _ sources: [Tensor]) -> Tensor? {
    guard let first = sources.first else { return nil }
    switch op {
    case .identity, .dropout: return first
    case .relu: return map(first) { max($0, 0) }
    case .sigmoid: return map(first) { Float(1 / (1 + exp(-Double($0)))) }
    case .scalarAffineClamp(let clamp):
      return map(first) { $0 > 0 ? max(0, clamp.scale * $0 + clamp.offset) : 0 }
    case .add:
      guard sources.count == 2, sources[1].shape == first.shape else { return nil }
      let second = sources[1].floats
      return Tensor(shape: first.shape, zip(first.floats, second).map { $0 + $1 })
    default: return nil
    }
  }

  private static func map(_ tensor: Tensor, _ body: (Float) -> Float) -> Tensor {
    Tensor(shape: tensor.shape, tensor.floats.map(body))
  }
}
