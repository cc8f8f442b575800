import FixresFormats
import FixresIR
import TestSupport
import Testing

/// Models that onnx.checker refuses, and that a reader of their parts alone would take.
@Suite struct OnnxSchemaTests {
  /// The node that an error names, or the place of another error.
  private func place(_ error: FormatError?) -> String {
    switch error {
    case .onnx(_, let fault):
      if case .node(let name, let op) = fault.place { "\(op) \(name)" } else { "\(fault.place)" }
    case .malformed(let fault): "\(fault.place)"
    case let other: "\(String(describing: other))"
    }
  }

  @Test(
    "row 12: what the stated operator set does not have is refused",
    arguments: [
      ("Conv", "pad", 7), ("Conv", "vkernel_shape", 7), ("Conv", "strides", 0), ("Flatten", "perm", 7),
    ])
  func unknownAttributesAreRefused(op: String, name: String, kind: Int) throws {
    let folder = try TemporaryFolder()
    var sketch = OnnxSketch()
    #expect(try sketch.failure(in: folder) == nil)
    let index = op == "Conv" ? 0 : 2
    var attribute = OnnxMessage().text(1, name)
    for value in [1, 1] { attribute = attribute.number(8, value) }
    if kind > 0 { attribute = attribute.number(20, kind) }
    sketch.nodes[index] = OnnxMessage(bytes: sketch.nodes[index]).data(5, attribute.bytes).bytes
    let place = place(try sketch.failure(in: folder))
    #expect(place == (op == "Conv" ? "Conv c" : "Flatten f"), "\(place)")
  }

  @Test("row 12: operators, formats and tensors beyond what is stated are refused")
  func whatIsNotStatedIsRefused() throws {
    let folder = try TemporaryFolder()
    let sketch = OnnxSketch()
    // An operator of a later set, where nothing reads its result either.
    var later = sketch
    later.nodes.append(OnnxSketch.node("Gelu", ["c"], "g"))
    #expect(place(try later.failure(in: folder)) == "Gelu g")
    // Two values in one attribute, and a value of another type than stated.
    for attribute in [
      OnnxMessage().text(1, "group").number(3, 1).number(8, 1).number(20, 2),
      OnnxMessage().text(1, "group").number(3, 1).number(20, 7),
    ] {
      var mixed = sketch
      mixed.nodes[0] = OnnxMessage(bytes: mixed.nodes[0]).data(5, attribute.bytes).bytes
      #expect(place(try mixed.failure(in: folder)).contains("byte"))
    }
    // The elements of a tensor twice.
    var twice = sketch
    twice.tensors[0] = OnnxMessage(bytes: twice.tensors[0]).data(4, [0, 0, 0, 0]).bytes
    #expect(place(try twice.failure(in: folder)).contains("byte"))
    var untyped = sketch
    untyped.outputs = [OnnxSketch.valueInfo("out", [1, 4], type: 0)]
    #expect(place(try untyped.failure(in: folder)).contains("byte"))
    for version in [3, 15] {
      let bytes = sketch.bytes.first == 8 ? [8, UInt8(version)] + sketch.bytes.dropFirst(2) : []
      #expect(try OnnxSketch.failure(Array(bytes), in: folder) != nil, "ir_version \(version)")
    }
  }
}
