import FixresRuntime

/// What is kept of each sample of a run: a fixed number of bytes that follow from the network's results.
package enum SampleContent: Hashable, Sendable {
  /// A map `[C, H, W]` whose channels have moments.
  package struct Map: Hashable, Sendable {
    /// Number of channels.
    package let channels: Int
    /// H x W.
    package let positions: Int

    /// A map of this shape.
    package init(channels: Int, positions: Int) { (self.channels, self.positions) = (channels, positions) }
  }

  /// What the logits are worth under `reading` (nil: nothing of that), then so many logits and features.
  case results(logits: Int, features: Int, reading: ScoreReading?)
  /// The moments of the maps that are given as logits and features: they take less room than maps, and merging them gives
  /// the same bits.
  case moments([Map])

  /// Names the bytes' meaning among all contents of one network.
  var name: String {
    switch self {
    case .results: "logits and features"
    case .moments(let maps):
      "moments " + maps.map { "\($0.channels)x\($0.positions)" }.joined(separator: " ")
    }
  }

  /// Bytes of a sample.
  var byteCount: Int {
    switch self {
    case .results(let logits, let features, let reading):
      4 * (logits + features) + (reading == nil ? 0 : Self.outcomeByteCount)
    case .moments(let maps): maps.reduce(0) { $0 + 16 * $1.channels }
    }
  }

  /// Ranks as i32 among the classes that compete and among all (-1: all compete), then both losses as f64.
  private static let outcomeByteCount = 24

  // MARK: - Writing

  /// Writes what is kept of `sample`, a picture of class `label`, to `bytes`.
  func write(_ sample: PictureRun.Sample, label: Int, to bytes: UnsafeMutableRawBufferPointer) {
    switch self {
    case .results(let logits, let features, let reading):
      var rest = bytes[...]
      if let reading {
        Self.write(sample.outcome(label, reading), to: UnsafeMutableRawBufferPointer(rebasing: rest))
        rest = rest.dropFirst(Self.outcomeByteCount)
      }
      for values in [sample.logits.prefix(logits), sample.features.prefix(features)] {
        UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(
          from: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: values)))
        rest = rest.dropFirst(4 * values.count)
      }
    case .moments(let maps): Self.write(maps, sample, to: bytes)
    }
  }

  private static func write(_ outcome: ClassificationOutcome, to bytes: UnsafeMutableRawBufferPointer) {
    bytes.storeBytes(of: Int32(outcome.competing.rank), as: Int32.self)
    bytes.storeBytes(of: Int32(outcome.overAll?.rank ?? -1), toByteOffset: 4, as: Int32.self)
    bytes.storeBytes(of: outcome.competing.loss, toByteOffset: 8, as: Double.self)
    bytes.storeBytes(of: outcome.overAll?.loss ?? 0, toByteOffset: 16, as: Double.self)
  }

  private static func write(
    _ maps: [Map], _ sample: PictureRun.Sample, to bytes: UnsafeMutableRawBufferPointer
  ) {
    var offset = 0
    for (shape, map) in zip(maps, [sample.logits, sample.features]) {
      guard let base = map.baseAddress else { continue }
      let moments = ChannelMoments(of: base, channels: shape.channels, positions: shape.positions)
      for values in [moments.means, moments.squares] {
        for value in values {
          bytes.storeBytes(of: value, toByteOffset: offset, as: Double.self)
          offset += 8
        }
      }
    }
  }

  // MARK: - Reading

  /// The sample `index` of a run with `variants` of each picture, as `bytes` hold its results.
  func sample(_ index: Int, variants: Int, _ bytes: UnsafeRawBufferPointer) -> PictureRun.Sample {
    guard case .results(let logits, let features, let reading) = self else {
      return PictureRun.Sample(
        index: index / variants, variant: index % variants, logits: .init(start: nil, count: 0),
        features: .init(start: nil, count: 0))
    }
    let rest = bytes[(reading == nil ? 0 : Self.outcomeByteCount)...]
    let floats = UnsafeRawBufferPointer(rebasing: rest).assumingMemoryBound(to: Float.self)
    return PictureRun.Sample(
      index: index / variants, variant: index % variants,
      logits: UnsafeBufferPointer(rebasing: floats[..<logits]),
      features: UnsafeBufferPointer(rebasing: floats[logits..<(logits + features)]),
      outcome: reading == nil ? nil : Self.outcome(bytes))
  }

  private static func outcome(_ bytes: UnsafeRawBufferPointer) -> ClassificationOutcome {
    func place(_ index: Int) -> ClassificationOutcome.Place? {
      let rank = bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)
      let loss = bytes.loadUnaligned(fromByteOffset: 8 + 8 * index, as: Double.self)
      return rank < 0 ? nil : .init(rank: Int(rank), loss: loss)
    }
    return ClassificationOutcome(competing: place(0) ?? .init(rank: .max, loss: .nan), overAll: place(1))
  }
}
