import FixresBase

/// A `TensorProto` as the file stores it: shape, element type and bytes, not converted.
struct OnnxTensor {
  /// A packed list of one of the typed fields.
  struct Part {
    let field: Int
    let bytes: Bytes
  }

  var name = ""
  var dims: [Int64] = []
  var elementCode: Int64 = 0
  /// `raw_data`
  var raw: Bytes?
  var typed: [Part] = []
  /// Numbers of a typed field that is not packed, and the number of that field.
  var loose: [UInt64] = []
  var looseField = 0
  var external: [(key: String, value: String)] = []
  var isExternal = false
  var isSegmented = false
}

extension OnnxTensor {
  /// The tensor, for errors.
  var place: OnnxFault.Place { .tensor(name.isEmpty ? "(unnamed)" : name) }

  /// The element type; nil for strings and types without a case in `ElementType`.
  var elementType: ElementType? { ElementType(onnxCode: elementCode) }

  /// True for integers and booleans.
  var isInteger: Bool { [2, 3, 4, 5, 6, 7, 9, 12, 13].contains(elementCode) }

  /// The shape, its product checked for overflow.
  ///
  /// - Throws: `OnnxFault`, beyond 8 axes or 2^40 elements.
  func shape() throws(OnnxFault) -> [Int] {
    let shape = dims.map { Int($0) }
    guard shape.count <= 8, let count = Int.checkedProduct(shape), count <= 1 << 40 else {
      throw OnnxFault(
        place, expected: "a shape of at most 8 axes and 2^40 elements", found: "\(dims.prefix(9))")
    }
    return shape
  }
}

extension ElementType {
  /// Creates the type of a code of `TensorProto.DataType`.
  init?(onnxCode code: Int64) {
    let known: [Int64: ElementType] = [
      1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
      11: .float64, 12: .uint32, 13: .uint64, 14: .complex64, 15: .complex128, 16: .bfloat16,
      17: .float8e4m3fn, 18: .float8e4m3fnuz, 19: .float8e5m2, 20: .float8e5m2fnuz,
    ]
    guard let type = known[code] else { return nil }
    self = type
  }
}
