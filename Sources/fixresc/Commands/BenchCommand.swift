import FixresBase
import FixresIR
import FixresMethod
import FixresRuntime

private enum Options {
  static let resolution = Option(
    "--resolution", "K|HxW", kind: .size, "test resolution (default: the model's)")
  static let batch = Option("--batch", "N", kind: .integer(1...4096), "pictures a run (default 1)")
  static let runs = Option("--runs", "N", kind: .integer(1...1_000_000), "runs to measure (default 20)")
  static let perLayer = Option("--per-layer", "show every layer's time and kernel")
}

extension Command {
  static let bench = Command(
    "bench", "measure latency, GFLOP/s and memory of a model on this machine",
    example: "fixresc bench resnet50-384.bin --per-layer",
    arguments: [Shared.modelArgument],
    groups: [
      OptionGroup("Options", [Options.resolution, Options.batch, Options.runs, Options.perLayer]),
      Shared.model,
      Shared.engine,
    ],
    run: { try Measurement($0).run() })
}

/// One run of `bench`.
private struct Measurement {
  private let invocation: Invocation
  private let console: Console
  private let batch: Int
  private let runs: Int

  init(_ invocation: Invocation) {
    self.invocation = invocation
    console = invocation.console
    batch = invocation.integer(Options.batch) ?? 1
    runs = invocation.integer(Options.runs) ?? 20
  }

  func run() throws -> JSON.Object {
    let start = MonotonicClock.nanoseconds()
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    let target = invocation.size(Options.resolution).map { Extent($0.height, $0.width) }
    let model = try ModelSource.adapted(source.model, to: target, console)
    var options = ModelSource.sessionOptions(invocation)
    options.maximumBatch = batch
    let session = try Session(model: model, options: options)
    let load = milliseconds(since: start)
    let input = try NoiseInput.make(for: model.graph, batch: batch)
    // Before and after: what the machine grants changes, and no kernel exceeds the greater one.
    var peak = peakRate(session)
    let times = try measure(session, input)
    let sorted = times.dropFirst(2).sorted()
    let peakResident = MachineMemory.peakResidentByteCount()
    let layers =
      invocation.has(Options.perLayer) || console.isJSON
      ? try session.profile(input, batch: batch, runs: min(runs, 10)) : []
    peak = max(peak, peakRate(session))
    let performed =
      2 * PeakShare.performedMacs(session.plan) * Double(batch) / (sorted[sorted.count / 2] * 1e6)
    peak = layers.reduce(max(peak, performed)) { max($0, $1.gflops * PeakShare.performed(by: $1.kernel)) }
    let result = Result(
      isa: session.plan.backend, threads: session.threadCount, load: load, firstRun: times[0],
      secondRun: times[1],
      least: sorted[0], median: sorted[sorted.count / 2],
      p95: sorted[min(sorted.count - 1, sorted.count * 95 / 100)],
      macs: model.graph.multiplyAccumulates, peakResident: peakResident, layers: layers,
      peak: peak, performed: performed)
    show(result, model)
    return object(result)
  }

  private struct Result {
    let isa: String
    let threads: Int
    /// Milliseconds.
    let load, firstRun, secondRun, least, median, p95: Double
    let macs: Int
    let peakResident: Int
    let layers: [Session.StepTiming]
    /// GFLOP/s of all threads.
    let peak: Double
    /// GFLOP/s that were performed, where Winograd performs fewer than it stands for.
    let performed: Double
  }

  private func peakRate(_ session: Session) -> Double {
    ((try? PeakRate.measure(isa: session.plan.backend)) ?? 0) * Double(session.threadCount)
  }

  /// The share of the peak that `rate` performs, in percent; empty where the peak is not known.
  private func share(_ rate: Double, _ result: Result) -> String {
    result.peak > 0 ? Text.fixed(min(100, 100 * rate / result.peak), 0) : ""
  }

  /// Milliseconds of the first run, of the second, then of each of `runs`; one of the first two packs all weights.
  private func measure(_ session: Session, _ input: [Float]) throws -> [Double] {
    var logits = [Float](repeating: 0, count: batch * session.classCount)
    var bar = Progress("bench", total: runs, on: console)
    var times: [Double] = []
    for run in 0...(runs + 1) {
      let start = MonotonicClock.nanoseconds()
      try input.withUnsafeBufferPointer { input in
        try logits.withUnsafeMutableBufferPointer { try session.run(input, batch: batch, logits: $0) }
      }
      times.append(milliseconds(since: start))
      bar.update(max(run - 1, 0))
    }
    bar.finish()
    if logits.firstNonFinite != nil {
      console.warn("the network gives NaN or infinity for a made-up input; `fixresc run` names the layer")
    }
    return times
  }

  private func milliseconds(since start: UInt64) -> Double {
    Double(MonotonicClock.nanoseconds() - start) / 1e6
  }

  private func gflops(_ result: Result) -> Double {
    2 * Double(result.macs) * Double(batch) / (result.median * 1e6)
  }

  private func object(_ result: Result) -> JSON.Object {
    var object = JSON.Object()
    object["isa"] = .string(result.isa)
    object["threads"] = JSON(result.threads)
    object["batch"] = JSON(batch)
    object["milliseconds"] = [
      "min": JSON(result.least), "median": JSON(result.median), "p95": JSON(result.p95),
    ]
    object["load_milliseconds"] = JSON(result.load)
    object["first_run_milliseconds"] = JSON(result.firstRun)
    object["second_run_milliseconds"] = JSON(result.secondRun)
    object["gflops"] = JSON(gflops(result))
    object["performed_gflops"] = JSON(result.performed)
    object["peak_gflops"] = JSON(result.peak)
    object["peak_share"] = result.peak > 0 ? JSON(min(1, result.performed / result.peak)) : .null
    object["peak_resident_bytes"] = JSON(result.peakResident)
    object["layers"] = .array(
      result.layers.map {
        [
          "name": .string($0.name), "kernel": .string($0.kernel), "milliseconds": JSON($0.milliseconds),
          "gflops": JSON($0.gflops),
          "performed_gflops": JSON($0.gflops * PeakShare.performed(by: $0.kernel)),
        ]
      })
    return object
  }

  private func show(_ result: Result, _ model: Model) {
    var table = Table([.left, .right, .left])
    let pictures = batch == 1 ? "" : "for \(batch) pictures"
    table.add(["median", Text.fixed(result.median, 2), "ms \(pictures)"])
    table.add(["least", Text.fixed(result.least, 2), "ms"])
    table.add(["95 %", Text.fixed(result.p95, 2), "ms"])
    table.add(["load", Text.fixed(result.load, 1), "ms"])
    table.add(["first run", Text.fixed(result.firstRun, 2), "ms"])
    table.add(["second run", Text.fixed(result.secondRun, 2), "ms"])
    let isReduced = result.performed < 0.999 * gflops(result)
    table.add([
      "speed", Text.fixed(gflops(result), 1),
      "GFLOP/s" + (isReduced ? ", counted as direct convolutions" : ""),
    ])
    if result.peak > 0 {
      table.add([
        "performed", Text.fixed(result.performed, 1),
        "GFLOP/s, \(share(result.performed, result)) % of the peak (\(Text.fixed(result.peak, 1)))"
          + (isReduced ? ": Winograd needs fewer products" : ""),
      ])
    }
    table.add(["memory", Text.fixed(Double(result.peakResident) / 1e6, 1), "MB resident at most"])
    console.lines(table.lines())
    console.line(
      "\(model.metadata.architecture) at \(model.graph.resolution), \(Text.scaled(Double(result.macs))) MACs, "
        + "\(result.isa), \(Text.count(result.threads, "thread"))")
    if invocation.has(Options.perLayer) { showLayers(result) }
  }

  private func showLayers(_ result: Result) {
    let total = result.layers.reduce(0) { $0 + $1.milliseconds }
    var table = Table(
      [.left, .right, .right, .right, .right, .left],
      header: ["layer", "ms", "%", "GFLOP/s", "peak %", "kernel"])
    for layer in result.layers {
      table.add([
        layer.name, Text.fixed(layer.milliseconds, 3),
        total > 0 ? Text.fixed(100 * layer.milliseconds / total, 1) : "",
        layer.gflops > 0 ? Text.fixed(layer.gflops, 1) : "",
        layer.gflops > 0 ? share(layer.gflops * PeakShare.performed(by: layer.kernel), result) : "",
        layer.kernel,
      ])
    }
    table.add(["", Text.fixed(total, 3), "", "", "", ""])
    console.line()
    console.lines(table.lines())
  }
}
