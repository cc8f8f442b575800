import FixresBase
import FixresIR

/// A value as the oracle holds it: row-major float32, the batch first where there is one.
package struct ReferenceValue: Equatable, Sendable {
  package var dims: [Int]
  package var elements: [Float]

  package init(dims: [Int], elements: [Float]) {
    (self.dims, self.elements) = (dims, elements)
  }

  package init(dims: [Int]) {
    self.init(dims: dims, elements: [Float](repeating: 0, count: dims.reduce(1, *)))
  }
}

/// The oracle: every operation as its definition reads, NCHW, float32 values with sums in double.
///
/// With the engine it shares the formulas of element-wise operations, which it evaluates in double, and no other code;
/// passes and kernels are tested against it.
package struct ReferenceInterpreter {
  package let graph: Graph
  /// Every value of the last run by name, constants left out.
  package private(set) var values: [String: ReferenceValue] = [:]

  /// Runs `model` on `input` `[batch, C, H, W]`.
  package init(_ model: Model, input: [Float], batch: Int) throws(RuntimeError) {
    graph = model.graph
    guard let image = graph.imageInput else { throw .missingOutput(name: "input") }
    let expected = image.type.elementCount * batch
    guard input.count == expected, batch > 0 else {
      throw .inputSize(batch: batch, shape: image.type.dims, expected: expected, found: input.count)
    }
    let needed = graph.values.reduce(0) {
      $0.addingSaturated($1.type.byteCount.multipliedSaturated($1.type.batched ? batch : 1))
    }
    guard AddressSpace.allows(needed) else {
      throw .planTooLarge(needed: needed, available: AddressSpace.available())
    }
    var slots = [ReferenceValue?](repeating: nil, count: graph.values.count)
    if let id = graph.inputs.first {
      slots[id.index] = ReferenceValue(dims: [batch] + image.type.dims, elements: input)
    }
    for node in graph.nodes {
      var operands: [ReferenceValue] = []
      for operand in node.operands {
        if let value = slots[operand.index] {
          operands.append(value)
          continue
        }
        let name = graph[operand].name
        guard let tensor = model.constants[name] else { throw .model(.missingConstant(name)) }
        let value = ReferenceValue(dims: tensor.shape, elements: tensor.floats)
        slots[operand.index] = value
        operands.append(value)
      }
      slots[node.result.index] = Self.evaluate(node.op, operands, batched: graph[node.result].type.batched)
    }
    for (index, slot) in slots.enumerated() {
      if let slot { values[graph.values[index].name] = slot }
    }
    for constant in graph.constants { values[graph[constant].name] = nil }
  }

  /// The value called `name`, an input's or a node's result.
  package subscript(name: String) -> ReferenceValue? { values[name] }

  /// The graph's output `name`, as `logits` or `features`.
  package func output(_ name: String) -> ReferenceValue? {
    graph.output(name).flatMap { values[graph[$0].name] }
  }

  /// `op` on `operands`, whose types the verifier has checked.
  package static func evaluate(_ op: Op, _ operands: [ReferenceValue], batched: Bool) -> ReferenceValue {
    let x = operands[0]
    switch op.computation {
    case .copy: return x
    case .elementwise(let op): return ReferenceValue(dims: x.dims, elements: op.preciseValues(at: x.elements))
    case .batchNorm(let op): return batchNorm(op, operands)
    case .sum: return add(x, operands[1])
    case .product: return multiply(x, operands[1])
    case .concat: return concat(operands)
    case .reflectPad(let op): return reflectPad(op, x)
    case .channelProduct: return channelMultiply(x, operands[1])
    case .convolution(let op): return convolution(op, operands)
    case .linear(let op): return linear(op, operands)
    case .pool(let window, .maximum): return maxPool(window, x)
    case .pool(let window, .mean(let countsPadding)): return averagePool(window, countsPadding, x)
    case .globalPool(.mean):
      return globalPool(x) { $0.reduce(0.0) { $0 + Double($1) } / Double($0.count) }
    case .globalPool(.maximum):
      return globalPool(x) {
        $0.reduce(-Double.infinity) { $1.isNaN || $0.isNaN ? .nan : max($0, Double($1)) }
      }
    case .flatten:
      return ReferenceValue(dims: [x.dims[0], x.dims.dropFirst().reduce(1, *)], elements: x.elements)
    case .stridedSlice(let op): return stridedSlice(op, x)
    case .channelPad(let op): return channelPad(op, x)
    case .generalizedMean(let op):
      return globalPool(x) { Double(op.root($0.reduce(0.0) { $0 + op.term($1) } / Double($0.count))) }
    case .softmax(let isLogarithm): return softmax(x, isLogarithm: isLogarithm)
    }
  }
}
