import FixresAssembler

extension NarrowGroupKernel {
  /// Appends the function to `kernel`; its argument is a `StripArguments` whose `prefetch` points to the index
  /// vectors.
  package func emit(into kernel: inout KernelAssembler) {
    let saved: [Register] = [.rbx, .r12]
    kernel.enter(saving: saved)
    kernel.code.emit(.load, .rsi, Address(.rdi, 0))
    kernel.code.emit(.load, .rdx, Address(.rdi, 8))
    kernel.code.emit(.load, .rcx, Address(.rdi, 16))
    kernel.code.emit(.load, .r8, Address(.rdi, 24))
    if hasResidual { kernel.code.emit(.load, .r9, Address(.rdi, 32)) }
    let indexCount = Self.indexCount(channelsPerGroup: channelsPerGroup)
    if indexCount > 0 { kernel.code.emit(.load, .r10, Address(.rdi, 40)) }
    for index in 0..<indexCount { kernel.load(indexVector(index), Address(.r10, index * isa.byteCount)) }
    for segment in segments where segment.count > 0 {
      kernel.loop(.r12, segment.count) { kernel in
        emitTile(&kernel, segment.columns)
        kernel.code.advance(.rsi, by: segment.columns * stride * isa.byteCount)
        kernel.code.advance(.rdx, by: segment.columns * isa.byteCount)
        if hasResidual { kernel.code.advance(.r9, by: segment.columns * isa.byteCount) }
      }
    }
    kernel.leave(restoring: saved)
  }

  private func indexVector(_ index: Int) -> Vector { Vector(isa.registerCount - 1 - index) }

  private func emitTile(_ kernel: inout KernelAssembler, _ columns: Int) {
    func weight(_ tap: Int) -> Vector { Vector(columns + tap) }
    let pixel = Vector(columns + kernelWidth)
    for column in 0..<columns {
      if column == 0 {
        kernel.load(Vector(0), Address(.r8))
      } else {
        kernel.copy(Vector(column), Vector(0))
      }
    }
    let weightRow = channelsPerGroup * kernelWidth * isa.byteCount
    kernel.code.emit(.lea, .rax, Address(.rsi, kernelRows.lowerBound * sourceRow))
    kernel.code.emit(.lea, .r11, Address(.rcx, kernelRows.lowerBound * weightRow))
    kernel.loop(.rbx, kernelRows.count) { kernel in
      for input in 0..<channelsPerGroup {
        for tap in 0..<kernelWidth {
          kernel.load(weight(tap), Address(.r11, (input * kernelWidth + tap) * isa.byteCount))
        }
        for x in 0..<((columns - 1) * stride + kernelWidth) {
          let outputs = (0..<kernelWidth).compactMap { tap -> (Int, Int)? in
            let place = x - tap
            return place >= 0 && place % stride == 0 && place / stride < columns
              ? (tap, place / stride) : nil
          }
          if outputs.isEmpty { continue }
          emitPermuted(&kernel, pixel, Address(.rax, x * isa.byteCount), input)
          for (tap, column) in outputs { kernel.multiplyAdd(Vector(column), pixel, weight(tap)) }
        }
      }
      kernel.code.advance(.rax, by: sourceRow)
      kernel.code.advance(.r11, by: weightRow)
    }
    if hasReLU { kernel.zero(pixel) }
    for column in 0..<columns {
      let place = column * isa.byteCount
      if hasResidual { kernel.add(Vector(column), Vector(column), Address(.r9, place)) }
      if hasReLU { kernel.rectify(Vector(column), zero: pixel) }
      kernel.store(Address(.rdx, place), Vector(column))
    }
  }

  /// Lane `l` becomes channel `l - l % channelsPerGroup + input` of the pixel.
  private func emitPermuted(_ kernel: inout KernelAssembler, _ to: Vector, _ from: Address, _ input: Int) {
    switch channelsPerGroup {
    case 1: kernel.load(to, from)
    // Two bits a lane of each 128: lanes 0, 0, 2, 2 or 1, 1, 3, 3; and one lane four times.
    case 2:
      kernel.vector(.permuteInLane, to, .memory(from), immediate: input == 0 ? 0b1010_0000 : 0b1111_0101)
    case 4: kernel.vector(.permuteInLane, to, .memory(from), immediate: UInt8(input * 0b0101_0101))
    default: kernel.vector(.permute, to, indexVector(input), .memory(from))
    }
  }
}
