import FixresAssembler

extension NarrowGroupKernel {
  /// Appends the function to `kernel`; its argument is a `StripArguments` whose `prefetch` points to the index
  /// vectors.
  package func emit(into kernel: inout some KernelAssembler) {
    kernel.function(FunctionFrame(counters: [.counter0, .counter2])) { kernel in
      kernel.loadArgument(.source, field: 0)
      kernel.loadArgument(.output, field: 1)
      kernel.loadArgument(.weights, field: 2)
      kernel.loadArgument(.bias, field: 3)
      if hasResidual { kernel.loadArgument(.residual, field: 4) }
      let indexCount = Self.indexCount(channelsPerGroup: channelsPerGroup)
      if indexCount > 0 { kernel.loadArgument(.permutations, field: 5) }
      for index in 0..<indexCount {
        kernel.load(indexVector(index), MemoryOperand(.permutations, index * isa.byteCount))
      }
      for segment in segments where segment.count > 0 {
        kernel.loop(.counter2, segment.count) { kernel in
          emitTile(&kernel, segment.columns)
          kernel.advance(.source, by: segment.columns * stride * isa.byteCount)
          kernel.advance(.output, by: segment.columns * isa.byteCount)
          if hasResidual { kernel.advance(.residual, by: segment.columns * isa.byteCount) }
        }
      }
    }
  }

  private func indexVector(_ index: Int) -> Vector { Vector(isa.registerCount - 1 - index) }

  private func emitTile(_ kernel: inout some KernelAssembler, _ columns: Int) {
    func weight(_ tap: Int) -> Vector { Vector(columns + tap) }
    let pixel = Vector(columns + kernelWidth)
    let indexCount = Self.indexCount(channelsPerGroup: channelsPerGroup)
    for column in 0..<columns {
      if column == 0 {
        kernel.load(Vector(0), MemoryOperand(.bias))
      } else {
        kernel.copy(Vector(column), Vector(0))
      }
    }
    let weightRow = channelsPerGroup * kernelWidth * isa.byteCount
    kernel.point(.tileSource, at: MemoryOperand(.source, kernelRows.lowerBound * sourceRow))
    kernel.point(.tileWeights, at: MemoryOperand(.weights, kernelRows.lowerBound * weightRow))
    kernel.loop(.counter0, kernelRows.count) { kernel in
      for input in 0..<channelsPerGroup {
        for tap in 0..<kernelWidth {
          kernel.load(weight(tap), MemoryOperand(.tileWeights, (input * kernelWidth + tap) * isa.byteCount))
        }
        for x in 0..<((columns - 1) * stride + kernelWidth) {
          let outputs = (0..<kernelWidth).compactMap { tap -> (Int, Int)? in
            let start = x - tap
            return start >= 0 && start % stride == 0 && start / stride < columns
              ? (tap, start / stride) : nil
          }
          if outputs.isEmpty { continue }
          // Each lane gets input channel `input` of its own group.
          kernel.loadRepeated(
            pixel, MemoryOperand(.tileSource, x * isa.byteCount), lane: input, groupLanes: channelsPerGroup,
            indices: indexCount > 0 ? indexVector(input) : nil)
          for (tap, column) in outputs { kernel.multiplyAdd(Vector(column), pixel, weight(tap)) }
        }
      }
      kernel.advance(.tileSource, by: sourceRow)
      kernel.advance(.tileWeights, by: weightRow)
    }
    if hasReLU { kernel.zero(pixel) }
    for column in 0..<columns {
      let offset = column * isa.byteCount
      if hasResidual { kernel.add(Vector(column), Vector(column), MemoryOperand(.residual, offset)) }
      if hasReLU { kernel.rectify(Vector(column), zero: pixel) }
      kernel.store(MemoryOperand(.output, offset), Vector(column))
    }
  }
}
