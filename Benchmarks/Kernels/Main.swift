#if arch(x86_64)
  import FixresAssembler
  import FixresBase
  import FixresIR
  import FixresRuntime

  #if canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif

  // kernel-bench [avx512|avx2] [network] [threads are always one]
  // Each layer's best time against the multiply-add peak measured around it.

  struct Layer {
    var name: String
    var inputs: Int
    var outputs: Int
    var size: Int
    var kernel: Int
    var stride: Int
    var count: Int
    var groups = 1
  }

  func resnet50(_ size: Int) -> [Layer] {
    var layers = [Layer(name: "stem", inputs: 3, outputs: 64, size: size, kernel: 7, stride: 2, count: 1)]
    let maps = [size / 4, size / 8, size / 16, size / 32]
    let blocks = [3, 4, 6, 3]
    var inputs = 64
    for stage in 0..<4 {
      let width = 64 << stage
      let map = maps[stage]
      let before = stage == 0 ? map : maps[stage - 1]
      let name = "s\(stage + 1)"
      layers.append(
        Layer(
          name: name + " a0", inputs: inputs, outputs: width, size: before, kernel: 1, stride: 1, count: 1))
      layers.append(
        Layer(
          name: name + " down", inputs: inputs, outputs: width * 4, size: before, kernel: 1,
          stride: before / map, count: 1))
      if stage > 0 {
        layers.append(
          Layer(
            name: name + " b0", inputs: width, outputs: width, size: before, kernel: 3, stride: 2, count: 1))
      }
      layers.append(
        Layer(
          name: name + " b", inputs: width, outputs: width, size: map, kernel: 3, stride: 1,
          count: stage == 0 ? 3 : blocks[stage] - 1))
      layers.append(
        Layer(
          name: name + " c", inputs: width, outputs: width * 4, size: map, kernel: 1, stride: 1,
          count: blocks[stage]))
      layers.append(
        Layer(
          name: name + " a", inputs: width * 4, outputs: width, size: map, kernel: 1, stride: 1,
          count: blocks[stage] - 1))
      inputs = width * 4
    }
    return layers
  }

  func resnet18(_ size: Int) -> [Layer] {
    var layers = [Layer(name: "stem", inputs: 3, outputs: 64, size: size, kernel: 7, stride: 2, count: 1)]
    let maps = [size / 4, size / 8, size / 16, size / 32]
    for stage in 0..<4 {
      let width = 64 << stage
      if stage > 0 {
        layers.append(
          Layer(
            name: "s\(stage + 1) b0", inputs: width / 2, outputs: width, size: maps[stage - 1], kernel: 3,
            stride: 2, count: 1))
        layers.append(
          Layer(
            name: "s\(stage + 1) down", inputs: width / 2, outputs: width, size: maps[stage - 1], kernel: 1,
            stride: 2, count: 1))
      }
      layers.append(
        Layer(
          name: "s\(stage + 1) b", inputs: width, outputs: width, size: maps[stage], kernel: 3, stride: 1,
          count: stage == 0 ? 4 : 3))
    }
    return layers
  }

  func resnext50(_ size: Int) -> [Layer] {
    [(128, 4, 1, 3), (256, 8, 1, 3), (512, 16, 1, 5), (1024, 32, 1, 2)].map {
      width, fraction, stride, count in
      Layer(
        name: "g\(width)", inputs: width, outputs: width, size: size / fraction, kernel: 3, stride: stride,
        count: count, groups: 32)
    }
      + [(256, 4), (512, 8), (1024, 16)].map { width, fraction in
        Layer(
          name: "g\(width)s2", inputs: width, outputs: width, size: size / fraction, kernel: 3, stride: 2,
          count: 1, groups: 32)
      }
  }

  @inline(never)
  func seconds(_ body: () -> Void) -> Double {
    let start = MonotonicClock.nanoseconds()
    body()
    return Double(MonotonicClock.nanoseconds() - start) * 1e-9
  }

  struct Bench {
    var backend: MachineCodeBackend
    let peakLoop: PeakLoop

    /// Best rate of the register loop right now, in operations a second.
    func peak() -> Double {
      let passes = 4000
      return (0..<5).map { _ in
        Double(peakLoop.operations(passes: passes)) / seconds { peakLoop.run(passes: passes) }
      }.max()!
    }

    func run(_ layer: Layer, repeats: Int = 12) -> (milliseconds: Double, share: Double, kernel: String) {
      let block = backend.block
      let padding = layer.kernel / 2
      let out = (layer.size + 2 * padding - layer.kernel) / layer.stride + 1
      let border = Border(top: padding, left: padding, bottom: padding, right: padding)
      let input = TensorLayout(
        channels: layer.inputs, height: layer.size, width: layer.size, block: layer.inputs == 3 ? 3 : block,
        border: border)
      let output = TensorLayout(channels: layer.outputs, height: out, width: out, block: block)
      let descriptor = ConvolutionDescriptor(
        input: input, output: output, kernelHeight: layer.kernel, kernelWidth: layer.kernel,
        strideHeight: layer.stride, strideWidth: layer.stride, paddingTop: padding, paddingLeft: padding,
        groups: layer.groups, hasBias: true, hasReLU: true)
      let weights = AlignedBlock(
        floatCount: layer.outputs * layer.inputs / layer.groups * layer.kernel * layer.kernel)
      for index in 0..<(weights.byteCount / 4) { weights.floats[index] = Float(index % 17) * 0.01 - 0.08 }
      let bias = AlignedBlock(floatCount: layer.outputs)
      guard
        let step = try? backend.convolution(
          descriptor, .init(weights: weights.floats, bias: bias.floats), .init(input: 0, output: 1))
      else { return (0, 0, "none") }
      let blocks = [
        AlignedBlock(floatCount: input.imageStride), AlignedBlock(floatCount: output.imageStride),
      ]
      for index in 0..<input.imageStride { blocks[0].floats[index] = Float(index % 13) * 0.05 }
      let own = step.scratchByteCount
      let thread = AlignedBlock(byteCount: own)
      let pointers = blocks.map(\.base)
      var best = Double.infinity
      var top = 0.0
      pointers.withUnsafeBufferPointer { pointers in
        var context = RunContext(
          buffers: pointers.baseAddress!, batch: 1, scratch: thread.base, scratchByteCount: own)
        for repetition in 0..<repeats {
          if repetition % 4 == 0 { top = max(top, peak()) }
          best = min(
            best,
            seconds { step.function(step.arguments, &context, 0, step.items, 0) })
        }
        top = max(top, peak())
      }
      return (best * 1e3, Double(descriptor.macs) * 2 / best / top, step.kernel)
    }
  }

  extension Bench {
    /// Every Winograd tiling of the 3x3 layers.
    func winograd() {
      var bench = self
      for (width, size) in [
        (64, 56), (128, 28), (256, 14), (512, 7), (64, 96), (128, 48), (256, 24), (512, 12),
      ] {
        let layer = Layer(name: "", inputs: width, outputs: width, size: size, kernel: 3, stride: 1, count: 1)
        bench.backend.forced = nil
        bench.backend.allowsWinograd = false
        let direct = bench.run(layer)
        print("\(width)@\(size) direct", fixed(direct.milliseconds, 3), fixed(direct.share * 100, 1) + "%")
        for scheme in [WinogradScheme.f4, .f2] {
          let rows = (size + scheme.outputSide - 1) / scheme.outputSide
          for (chunk, shared) in [(1, false), (2, false), (3, false), (4, false), (7, false), (rows, true)] {
            if !shared && chunk > rows { continue }
            bench.backend.forced = .winograd(
              WinogradTiling(scheme: scheme, blocks: 4, rowsPerChunk: chunk, isReplicated: shared))
            let result = bench.run(layer)
            print(
              "  F\(scheme.rawValue) rows \(chunk)\(shared ? " shared" : "")", fixed(result.milliseconds, 3),
              fixed(result.share * 100, 1) + "%", result.kernel)
          }
        }
      }
    }
  }

  func padded(_ text: String, _ width: Int) -> String {
    text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
  }

  func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let rounded = Int((value * scale).rounded())
    let whole = rounded / Int(scale)
    let part = String(rounded % Int(scale))
    return digits == 0 ? "\(whole)" : "\(whole)." + String(repeating: "0", count: digits - part.count) + part
  }

  /// Time that all threads of this process have spent computing; unlike the clock's, it survives a busy machine.
  func processMilliseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
  }

  /// Times a model file's steps: threads, batch, runs.
  func profile(_ path: String, _ numbers: [Int]) throws {
    let threads = numbers.first ?? 1
    let batch = numbers.dropFirst().first ?? 1
    let runs = numbers.dropFirst(2).first ?? 20
    print("CPU at start", fixed(processMilliseconds(), 1), "ms")
    var start = MonotonicClock.nanoseconds()
    let model = try ModelFile.open(path)
    print("CPU after reading", fixed(processMilliseconds(), 1), "ms")
    let session = try Session(model: model, options: SessionOptions(threads: threads))
    let opened = MonotonicClock.nanoseconds()
    print("CPU after planning", fixed(processMilliseconds(), 1), "ms")
    let input = (0..<(batch * session.inputShape.reduce(1, *))).map { Float($0 % 255) / 128 - 1 }
    _ = try session.run(input)
    let first = MonotonicClock.nanoseconds()
    print(
      "open", fixed(Double(opened - start) * 1e-6, 1), "ms, first run",
      fixed(Double(first - opened) * 1e-6, 1))
    var best = Double.infinity
    for _ in 0..<runs {
      start = MonotonicClock.nanoseconds()
      _ = try session.run(input)
      best = min(best, Double(MonotonicClock.nanoseconds() - start) * 1e-6)
    }
    let peak = try PeakLoop(.avx512)
    let bench = Bench(backend: try MachineCodeBackend(.avx512), peakLoop: peak)
    for step in try session.profile(input, batch: batch, runs: runs) {
      print(
        padded(step.name, 26), padded(fixed(step.milliseconds, 3), 8),
        padded(fixed(step.gflops * 1e11 / bench.peak() / Double(threads), 1) + "%", 8), step.kernel)
    }
    print("best of", runs, "runs", fixed(best, 2), "ms, an image", fixed(best / Double(batch), 2))
  }

  @main
  struct Main {
    static func main() throws {
      let arguments = CommandLine.arguments.dropFirst()
      let level = arguments.compactMap(VectorISA.Level.init(rawValue:)).first ?? .avx512
      let cpu = try CPUFeatures.current.get()
      print(cpu.brand, cpu.signature, "L1", cpu.l1ByteCount, "L2", cpu.l2ByteCount, "L3", cpu.l3ByteCount)
      let missing = cpu.missing(for: level)
      guard missing.isEmpty else {
        print("this processor lacks", missing.map(\.rawValue))
        return
      }
      var bench = Bench(backend: try MachineCodeBackend(level), peakLoop: try PeakLoop(VectorISA(level)))
      bench.backend.allowsWinograd = !arguments.contains("exact")
      print("peak", fixed(bench.peak() * 1e-9, 1), "GFLOP/s")
      let networks: [(String, [Layer])] = [
        ("resnet50", resnet50(224)), ("resnet50-384", resnet50(384)), ("resnet18", resnet18(224)),
        ("resnext50", resnext50(224)),
      ]
      if let path = arguments.first(where: { $0.hasSuffix(".bin") }) {
        try profile(path, arguments.compactMap { Int($0) })
        return
      }
      if arguments.contains("winograd") {
        bench.winograd()
        return
      }
      let wanted = arguments.filter { name in networks.contains { $0.0 == name } }
      for (name, layers) in networks where wanted.isEmpty ? name == "resnet50" : wanted.contains(name) {
        var total = 0.0
        print(name)
        for layer in layers {
          let result = bench.run(layer)
          total += result.milliseconds * Double(layer.count)
          let shape =
            "\(layer.inputs)->\(layer.outputs) \(layer.kernel)x\(layer.kernel)/\(layer.stride) @\(layer.size)"
          print(
            padded(layer.name, 8), padded(shape, 24), "x\(layer.count)",
            padded(fixed(result.milliseconds, 3), 8),
            padded(fixed(result.share * 100, 1) + "%", 8), result.kernel)
        }
        print("sum of minima", fixed(total, 2), "ms")
      }
    }
  }
#else
  @main
  struct Main {
    static func main() { print("kernel-bench measures x86-64 machine code; this build has none") }
  }
#endif
