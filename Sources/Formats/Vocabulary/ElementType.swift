/// The type of a tensor's elements as a checkpoint stores them, little-endian.
package enum ElementType: String, Hashable, Sendable, CaseIterable {
  /// Types that become float32 weights.
  case float32, float16, bfloat16, float64
  /// Types that counters and shapes use; no weight has one of these.
  case int64, int32, int16, int8, uint8, bool
  /// Types that are recognised, so that a file with them loads; reading such a tensor is an error.
  case uint16, uint32, uint64
  case float8e4m3fn = "float8_e4m3fn"
  case float8e4m3fnuz = "float8_e4m3fnuz"
  case float8e5m2 = "float8_e5m2"
  case float8e5m2fnuz = "float8_e5m2fnuz"
  case float8e8m0fnu = "float8_e8m0fnu"
  case complex32, complex64, complex128
  case qint8, quint8, qint32
  case quint4x2, quint2x4

  /// Bytes of one element; for the packed quantised types those of one storage element.
  package var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool, .qint8, .quint8, .quint4x2, .quint2x4: 1
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0fnu: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32, .complex32, .qint32: 4
    case .float64, .int64, .uint64, .complex64: 8
    case .complex128: 16
    }
  }

  /// True for types that `CheckpointTensor.float32()` can convert.
  package var isReadable: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64, .int64, .int32, .int16, .int8, .uint8, .bool: true
    default: false
    }
  }

  /// True for types that a weight may have.
  package var isFloatingPoint: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }
}
