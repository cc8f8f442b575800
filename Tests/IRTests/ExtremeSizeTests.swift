import FixresBase
import FixresIR
import Testing
import TestSupport

/// Type inference answers for any integers that a file or a program may write: with a type or with a fault.
@Suite struct ExtremeSizeTests {
  private static let extremes: [Int] = [
    .min, .min + 1, -(1 << 40), -1, 0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 31, 1 << 32, 1 << 40,
    (1 << 40) + 1, 1 << 62, .max - 1, .max,
  ]

  /// Whatever asks for sizes is asked; a value that exists has a positive number of elements within the limit.
  private func check(_ op: Op, _ operands: [TensorType]) {
    let fitted = op.fitted(to: operands)
    for op in [op, fitted] {
      guard let type = try? op.inferType(operands) else { continue }
      #expect((1...TensorType.maximumElementCount).contains(type.elementCount), "\(op) of \(operands)")
      for attribute in op.definition.attributes {
        switch attribute.payload {
        case .integer(let value): #expect(value.magnitude <= maximumAttribute, "\(op)")
        case .integers(let list): #expect(list.allSatisfy { $0.magnitude <= maximumAttribute }, "\(op)")
        case .float, .double, .flag, .word: break
        }
      }
      _ = op.traits(operands)
      #expect(op.multiplyAccumulates(operands: operands, result: type) >= 0)
    }
  }

  /// `op` with the integer `index` of all its attributes' replaced by `value`; nil where it has fewer.
  private func replacing(_ index: Int, by value: Int, in sample: OpSample) throws -> Op? {
    var texts: [String: String] = [:]
    var position = 0
    var isReplaced = false
    func next(_ old: Int) -> Int {
      defer { position += 1 }
      guard position == index else { return old }
      isReplaced = true
      return value
    }
    let definition = sample.op.definition
    for attribute in definition.attributes {
      switch attribute.payload {
      case .integer(let old): texts[attribute.name] = "\(next(old))"
      case .integers(let list): texts[attribute.name] = "\(list.map(next))"
      case .float(let value): texts[attribute.name] = "\(value)"
      case .double(let value): texts[attribute.name] = "\(value)"
      case .flag(let value): texts[attribute.name] = "\(value)"
      case .word(let value): texts[attribute.name] = value
      }
    }
    guard isReplaced else { return nil }
    var reader = AttributeReader(texts)
    let keywords = definition.operandRoles.filter(\.isKeyword).map(\.rawValue)
    let list = OperandList(
      positionalCount: definition.operandRoles.count - keywords.count, keywords: keywords)
    return try type(of: definition).init(&reader, operands: list).asOp
  }

  @Test(arguments: OpSample.all) func anyIntegerOfAnAttribute(_ sample: OpSample) throws {
    for value in Self.extremes {
      var index = 0
      while let op = try replacing(index, by: value, in: sample) {
        check(op, sample.operands)
        index += 1
      }
    }
  }

  @Test(arguments: OpSample.all) func anyDimensionOfAnOperand(_ sample: OpSample) {
    for operand in sample.operands.indices {
      for dim in sample.operands[operand].dims.indices {
        for value in Self.extremes {
          var operands = sample.operands
          var dims = operands[operand].dims
          dims[dim] = value
          operands[operand] = TensorType(batched: operands[operand].batched, dims)
          check(sample.op, operands)
          // Operands that must agree do so.
          check(sample.op, operands.map { $0.dims == sample.operands[operand].dims ? operands[operand] : $0 })
        }
      }
    }
  }

  @Test func severalAtOnce() throws {
    let seed: UInt64 = 14
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let sample = OpSample.all[random.nextInt(in: 0..<OpSample.all.count)]
      var op = sample.op
      if let changed = try replacing(
        random.nextInt(in: 0..<9), by: Self.extremes[random.nextInt(in: 0..<Self.extremes.count)], in: sample)
      {
        op = changed
      }
      let operands = sample.operands.map { type in
        TensorType(
          batched: type.batched,
          type.dims.map { random.nextDouble() < 0.3 ? Self.extremes[random.nextInt(in: 0..<16)] : $0 })
      }
      check(op, operands)
    }
  }

  @Test func graphOfImpossibleTypesIsRefused() throws {
    for text in [
      "f32[N,3,9223372036854775807,8]", "f32[N,4294967296,4294967296,1]", "f32[N,0,4611686018427387904,2]",
    ] {
      let graph = try GraphParser.parse(
        "graph @g {\n  input %x : \(text)\n  %y = flatten %x : f32[N,1]\n  output features = %y\n}\n")
      #expect(!Verifier.faults(in: graph).isEmpty)
      #expect(graph[graph.inputs[0]].type.elementCount == .max)
      _ = graph.multiplyAccumulates
    }
  }
}
