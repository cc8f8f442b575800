#if arch(x86_64)
  import FixresAssembler
  import FixresRuntime
  import Testing

  /// What plans say that a kernel reaches is what its emitter makes it reach, byte for byte.
  @Suite struct KernelReachTests {
    @Test(arguments: VectorISA.Level.allCases)
    func everyKernelReachesWhatItsEmitterTouches(level: VectorISA.Level) {
      let isa = VectorISA(level)
      for entry in KernelCatalogue.listed(isa) + KernelCatalogue.sweep(isa) {
        for rows in [1, 3] {
          guard let reach = entry.kernel.reach(rows: rows) else { continue }
          var tracer = AddressTracer(isa)
          tracer.rowCount = rows
          entry.kernel.emit(into: &tracer)
          func traced(_ roles: PointerRole...) -> ByteSpan {
            roles.reduce(.none) { $0.union(tracer.spans[$1] ?? .none) }
          }
          // A stride wider than the kernel, or taps beside the map, leave out what these hulls have.
          #expect(traced(.source).union(reach.source) == reach.source, "\(entry.name): source")
          #expect(traced(.source).upper > reach.source.upper / 2, "\(entry.name): source")
          #expect(traced(.output) == reach.output, "\(entry.name): output")
          #expect(traced(.weights).union(reach.weights) == reach.weights, "\(entry.name): weights")
          #expect(traced(.weights).upper > reach.weights.upper / 2 || reach.weights.isEmpty)
          #expect(traced(.bias, .divisors) == reach.bias, "\(entry.name): bias")
          #expect(traced(.residual) == reach.residual, "\(entry.name): residual")
          #expect(traced(.permutations) == reach.indices, "\(entry.name): indices")
          #expect(
            traced(.frame).fits(in: max(tracer.frameByteCount, 0)), "\(entry.name): frame \(traced(.frame))")
        }
      }
    }

    /// Wide maps, where a few tiles at the edges stand for thousands that are alike.
    @Test(arguments: VectorISA.Level.allCases)
    func longStripsAreTracedWhole(level: VectorISA.Level) {
      let isa = VectorISA(level)
      for (kernel, stride, map) in [(3, 1, 4000), (5, 2, 4000), (1, 1, 60_000), (7, 3, 2000)] {
        let columns = (map - 1) / stride + 1
        let strip = KernelCatalogue.strip(
          isa, kernel: kernel, stride: stride, map: map, columns: 4, count: columns / 4, blocks: 2)
        var tracer = AddressTracer(isa)
        AnyKernel.strip(strip).emit(into: &tracer)
        #expect(tracer.spans[.source] == strip.reach.source, "\(kernel)x\(kernel) of \(map)")
        #expect(strip.workEstimate < 1 << 20)
        #expect(AnyKernel.strip(strip).assembled(isa).bytes.count < 1 << 18)
      }
    }

    @Test func anOverflowFitsNowhere() {
      let span = ByteSpan(0, 64).repeated(1 << 40, every: 1 << 40)
      #expect(!span.fits(in: .max))
      #expect(!ByteSpan(.max - 1, 4).fits(in: .max))
      #expect(!ByteSpan(0, 4).shifted(by: .max).fits(in: .max))
      #expect(!ByteSpan(-4, 8).fits(in: 1 << 20))
      #expect(!ByteSpan(0, 8).union(ByteSpan(.max, 1)).fits(in: .max))
      #expect(ByteSpan(0, 8).repeated(3, every: 100).fits(in: 208))
      #expect(!ByteSpan(0, 8).repeated(3, every: 100).fits(in: 207))
      #expect(ByteSpan.none.shifted(by: .max).fits(in: 0))
    }
  }
#endif
