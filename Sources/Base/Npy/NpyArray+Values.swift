extension NpyArray {
  /// Number of elements.
  package var count: Int { data.count / element.byteCount }

  /// The elements as float32 in C order; 64-bit ones are rounded to the nearest.
  package func floats() -> [Float] {
    let raw = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      data.withUnsafeBytes { bytes in
        if element == .float32, !isBigEndian, Int(littleEndian: 1) == 1, let base = bytes.baseAddress {
          if count > 0 {
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: .init(start: base, count: count * 4))
          }
          return
        }
        for index in 0..<count { buffer.initializeElement(at: index, to: float(bytes, index)) }
      }
      initialized = count
    }
    return isFortranOrder ? NpyArray.transposed(raw, shape: shape) : raw
  }

  /// The elements of a `uint8` array in C order, else nil.
  package func uint8s() -> [UInt8]? {
    guard element == .uint8 else { return nil }
    return isFortranOrder ? NpyArray.transposed(data.array, shape: shape) : data.array
  }

  @inline(__always)
  private func float(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    switch element {
    case .float16: Float(halfBits: integer(bytes, index, UInt16.self))
    case .float32: Float(bitPattern: integer(bytes, index, UInt32.self))
    case .float64: Float(Double(bitPattern: integer(bytes, index, UInt64.self)))
    case .bool: bytes[index] == 0 ? 0 : 1
    case .int8: Float(integer(bytes, index, Int8.self))
    case .int16: Float(integer(bytes, index, Int16.self))
    case .int32: Float(integer(bytes, index, Int32.self))
    case .int64: Float(integer(bytes, index, Int64.self))
    case .uint8: Float(bytes[index])
    case .uint16: Float(integer(bytes, index, UInt16.self))
    case .uint32: Float(integer(bytes, index, UInt32.self))
    case .uint64: Float(integer(bytes, index, UInt64.self))
    }
  }

  @inline(__always)
  private func integer<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ type: T.Type
  ) -> T {
    let value = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
    return isBigEndian ? T(bigEndian: value) : T(littleEndian: value)
  }

  /// Fortran order (first index fastest) to C order (last index fastest).
  private static func transposed<T>(_ values: [T], shape: [Int]) -> [T] {
    guard !values.isEmpty, shape.count > 1 else { return values }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var position = [Int](repeating: 0, count: shape.count)
    var source = 0
    var result: [T] = []
    result.reserveCapacity(values.count)
    for _ in values.indices {
      result.append(values[source])
      var axis = shape.count - 1
      while axis >= 0 {
        position[axis] += 1
        source += strides[axis]
        if position[axis] < shape[axis] { break }
        source -= strides[axis] * shape[axis]
        position[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}
