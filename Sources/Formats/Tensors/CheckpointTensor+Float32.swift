import FixresBase
import FixresIR

extension CheckpointTensor {
  /// The elements as row-major float32 of `shape`: the stored bytes without a copy where they have that form
  /// already.
  ///
  /// float16, bfloat16 and integers of up to 24 bits convert exactly; float64 and larger integers are rounded
  /// once.
  ///
  /// - Throws: `FormatError.unreadableTensor` unless `elementType.isReadable` and there is room.
  package func float32() throws(FormatError) -> Tensor {
    guard elementType.isReadable else {
      throw .unreadableTensor(name: name, reason: .elementType(elementType))
    }
    // The strides of an empty view may exceed its storage.
    guard elementCount > 0 else { return Tensor(shape: shape, bytes: .empty) }
    if let stored = storedFloat32() { return Tensor(shape: shape, bytes: stored) }
    let view = coalesced()
    return try Tensor.granted(name, shape: shape) { target in
      guard let out = target.baseAddress else { return }
      bytes.withUnsafeBytes { raw in
        guard let base = raw.baseAddress else { return }
        fill(out, from: base + elementOffset * elementType.byteCount, view)
      }
    }
  }

  /// The view's bytes in the storage, where they are contiguous, aligned float32; else nil.
  private func storedFloat32() -> Bytes? {
    guard elementType == .float32, isContiguous,
      let window = try? bytes.slice(elementOffset * 4, elementCount * 4),
      Int(bitPattern: window.unsafeBase).isMultiple(of: 4)
    else { return nil }
    return window
  }

  /// An axis of a view: its extent, and its stride in elements.
  private struct Axis {
    var count: Int
    var stride: Int
  }

  /// The view's axes, outermost first, without those of size 1 and with mergeable neighbours merged.
  private func coalesced() -> [Axis] {
    var axes: [Axis] = []
    for (count, stride) in zip(shape, strides) where count != 1 {
      if let outer = axes.last, outer.stride == count * stride {
        axes[axes.count - 1] = Axis(count: outer.count * count, stride: stride)
      } else {
        axes.append(Axis(count: count, stride: stride))
      }
    }
    return axes
  }

  private func fill(_ out: UnsafeMutablePointer<Float>, from base: UnsafeRawPointer, _ axes: [Axis]) {
    switch elementType {
    case .float32: gather(out, axes) { Float(bitPattern: load(base, $0, UInt32.self)) }
    case .float16: gather(out, axes) { Float(halfBits: load(base, $0, UInt16.self)) }
    case .bfloat16: gather(out, axes) { Float(bfloatBits: load(base, $0, UInt16.self)) }
    case .float64: gather(out, axes) { Float(Double(bitPattern: load(base, $0, UInt64.self))) }
    case .int64: gather(out, axes) { Float(load(base, $0, Int64.self)) }
    case .int32: gather(out, axes) { Float(load(base, $0, Int32.self)) }
    case .int16: gather(out, axes) { Float(load(base, $0, Int16.self)) }
    case .int8: gather(out, axes) { Float(load(base, $0, Int8.self)) }
    case .uint8: gather(out, axes) { Float(load(base, $0, UInt8.self)) }
    case .bool: gather(out, axes) { load(base, $0, UInt8.self) == 0 ? 0 : 1 }
    default: preconditionFailure("float32() reads \(elementType) nowhere: isReadable refused it")
    }
  }

  /// Writes every element of the view in row-major order; `element` reads the one at an index from the view's
  /// first.
  ///
  ///     for each index of the outer axes, the last one fastest:
  ///       start = sum of index * stride
  ///       for step in 0 ..< inner.count: out[written++] = element(start + step * inner.stride)
  @inline(__always)
  private func gather(_ out: UnsafeMutablePointer<Float>, _ axes: [Axis], _ element: (Int) -> Float) {
    guard let inner = axes.last else {
      out[0] = element(0)
      return
    }
    if axes.count == 1, inner.stride == 1 {
      for index in 0..<inner.count { out[index] = element(index) }
      return
    }
    var counters = [Int](repeating: 0, count: axes.count - 1)
    var written = 0
    var start = 0
    while true {
      for step in 0..<inner.count { out[written + step] = element(start + step * inner.stride) }
      written += inner.count
      var axis = counters.count - 1
      while axis >= 0 {
        counters[axis] += 1
        start += axes[axis].stride
        if counters[axis] < axes[axis].count { break }
        start -= axes[axis].stride * axes[axis].count
        counters[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

@inline(__always)
private func load<T: FixedWidthInteger>(_ base: UnsafeRawPointer, _ index: Int, _ type: T.Type) -> T {
  T(littleEndian: base.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: type))
}
