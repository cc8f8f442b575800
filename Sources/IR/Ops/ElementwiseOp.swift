/// An operation that computes each element by itself.
///
/// The formula is written once, in the operation's own file. The reference interpreter and constant folding evaluate it
/// in double precision and round once; every engine evaluates it in float32, four lanes at a time.
package protocol ElementwiseOp: UnaryOp {
  /// The result at each lane of `x`; a NaN has to stay one. `@inline(__always)`, so that `apply` holds the formula
  /// instead of a call for every 4 floats.
  func value<Vector: ElementwiseVector>(at x: Vector) -> Vector

  /// Writes the results at `source[0..<count]` to `target`, which may be the same memory, in float32.
  ///
  /// Like `preciseValues`, a requirement so that each operation gets code of its own: engines call it once a row.
  func apply(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int)

  /// The results at `elements`, computed in double precision and rounded once.
  func preciseValues(at elements: [Float]) -> [Float]
}

extension ElementwiseOp {
  package var computation: Computation { .elementwise(self) }
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }

  package func apply(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
    let (source, target) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
    let whole = count & ~3
    var index = 0
    while index < whole {
      let x = source.loadUnaligned(fromByteOffset: index &* 4, as: SIMD4<Float>.self)
      target.storeBytes(of: value(at: x), toByteOffset: index &* 4, as: SIMD4<Float>.self)
      index &+= 4
    }
    while index < count {
      let x = source.loadUnaligned(fromByteOffset: index &* 4, as: Float.self)
      target.storeBytes(of: value(at: SIMD4(repeating: x)).x, toByteOffset: index &* 4, as: Float.self)
      index &+= 1
    }
  }

  package func preciseValues(at elements: [Float]) -> [Float] {
    elements.map { Float(value(at: SIMD2<Double>(repeating: Double($0))).x) }
  }
}
