#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the steps of a classifier's training read and write; flat, taken once for a batch.
///
/// Classes are padded to `tile` and features to `panel` with zeros. Each element of a result is computed entirely by
/// one item, so that results do not depend on how items are split over threads.
struct ClassifierBatch {
  /// Classes that are computed together.
  static let tile = 4
  /// Adjacent features in `panels`.
  static let panel = SampleStore.alignment

  var images: Int
  /// `images`, padded to an even number.
  var rows: Int
  var classes: Int
  /// Padded classes and features.
  var outputs: Int
  var inputs: Int
  /// `[rows, inputs]`
  var features: UnsafeMutablePointer<Float>
  /// `[inputs / panel, rows, panel]`
  var panels: UnsafeMutablePointer<Float>
  var labels: UnsafeMutablePointer<Int32>
  /// `[outputs, inputs]`, and their momentum.
  var weights: UnsafeMutablePointer<Float>
  var weightVelocity: UnsafeMutablePointer<Float>
  /// `[outputs]`
  var bias: UnsafeMutablePointer<Float>
  var biasVelocity: UnsafeMutablePointer<Float>
  /// `[rows, outputs]`
  var logits: UnsafeMutablePointer<Float>
  /// `[outputs / tile, rows, tile]`: dL/dlogits.
  var deltas: UnsafeMutablePointer<Float>
  /// `[rows]`: each image's loss, and 1 where its greatest logit is the right one.
  var losses: UnsafeMutablePointer<Double>
  var hits: UnsafeMutablePointer<Int32>
  var rate: Float = 0
  var momentum: Float = 0
  var decay: Float = 0
  var smoothing: Float = 0

  var logitItems: Int { outputs / Self.tile * (rows / 2) }
  var updateItems: Int { outputs / Self.tile * (inputs / Self.panel) }
}

/// The loops of a linear classifier's forward and backward step.
enum ClassifierKernels {
  typealias Four = SIMD4<Float>

  @inline(__always)
  static func load(_ base: UnsafePointer<Float>, _ index: Int) -> Four {
    UnsafeRawPointer(base + index).load(as: Four.self)
  }

  @inline(__always)
  static func store(_ value: Four, _ base: UnsafeMutablePointer<Float>, _ index: Int) {
    UnsafeMutableRawPointer(base + index).storeBytes(of: value, as: Four.self)
  }

  /// Items `begin ..< end`: two images by four classes each.
  static func logits(_ batch: ClassifierBatch, _ begin: Int, _ end: Int) {
    let pairs = batch.rows / 2
    for item in begin..<end {
      let first = item / pairs &* ClassifierBatch.tile
      let image = item % pairs &* 2
      logitTile(batch, first, image)
    }
  }

  @inline(__always)
  private static func logitTile(_ batch: ClassifierBatch, _ first: Int, _ image: Int) {
    let count = batch.inputs
    let x0 = UnsafePointer(batch.features + image &* count)
    let x1 = x0 + count
    let w0 = UnsafePointer(batch.weights + first &* count)
    let (w1, w2, w3) = (w0 + count, w0 + 2 &* count, w0 + 3 &* count)
    var (a0, a1, a2, a3) = (Four(), Four(), Four(), Four())
    var (b0, b1, b2, b3) = (Four(), Four(), Four(), Four())
    var index = 0
    while index < count {
      let (x, y) = (load(x0, index), load(x1, index))
      let (p, q) = (load(w0, index), load(w1, index))
      let (r, s) = (load(w2, index), load(w3, index))
      a0 += x * p
      a1 += x * q
      a2 += x * r
      a3 += x * s
      b0 += y * p
      b1 += y * q
      b2 += y * r
      b3 += y * s
      index &+= 4
    }
    let bias = load(UnsafePointer(batch.bias), first)
    store(Four(a0.sum(), a1.sum(), a2.sum(), a3.sum()) + bias, batch.logits, image &* batch.outputs &+ first)
    store(
      Four(b0.sum(), b1.sum(), b2.sum(), b3.sum()) + bias, batch.logits,
      (image &+ 1) &* batch.outputs &+ first)
  }

  /// Images `begin ..< end`: loss, hit and dL/dlogits of cross-entropy with label smoothing.
  static func softmax(_ batch: ClassifierBatch, _ begin: Int, _ end: Int) {
    let classes = batch.classes
    let scale = 1 / Float(batch.images)
    let smooth = batch.smoothing / Float(classes)
    for image in begin..<end {
      let logits = batch.logits + image &* batch.outputs
      let label = Int(batch.labels[image])
      var best = 0
      var sumOfLogits = 0.0
      for index in 0..<classes {
        if logits[index] > logits[best] { best = index }
        sumOfLogits += Double(logits[index])
      }
      let greatest = logits[best]
      let own = logits[label]
      var sum = 0.0
      for index in 0..<classes {
        let power = exp(logits[index] - greatest)
        logits[index] = power
        sum += Double(power)
      }
      let logSum = log(sum) + Double(greatest)
      batch.losses[image] =
        Double(1 - batch.smoothing) * (logSum - Double(own))
        + Double(smooth) * (Double(classes) * logSum - sumOfLogits)
      batch.hits[image] = best == label ? 1 : 0
      let inverse = Float(1 / sum)
      for index in 0..<batch.outputs {
        let q = index < classes ? logits[index] * inverse - smooth : 0
        let target = index == label ? 1 - batch.smoothing : 0
        let offset = (index / ClassifierBatch.tile &* batch.rows &+ image) &* ClassifierBatch.tile
        batch.deltas[offset &+ index % ClassifierBatch.tile] = (q - target) * scale
      }
    }
  }

  /// Items `begin ..< end`: the gradient and the step of four classes by one panel of features each.
  static func update(_ batch: ClassifierBatch, _ begin: Int, _ end: Int) {
    let panels = batch.inputs / ClassifierBatch.panel
    for item in begin..<end { updateTile(batch, item / panels, item % panels) }
  }

  @inline(__always)
  private static func updateTile(_ batch: ClassifierBatch, _ tile: Int, _ panel: Int) {
    let d = UnsafePointer(batch.deltas + tile &* batch.rows &* ClassifierBatch.tile)
    let x = UnsafePointer(batch.panels + panel &* batch.rows &* ClassifierBatch.panel)
    var (a0, a1, b0, b1) = (Four(), Four(), Four(), Four())
    var (c0, c1, d0, d1) = (Four(), Four(), Four(), Four())
    for image in 0..<batch.rows {
      let delta = load(d, image &* 4)
      let (low, high) = (load(x, image &* 8), load(x, image &* 8 &+ 4))
      a0 += low * delta[0]
      a1 += high * delta[0]
      b0 += low * delta[1]
      b1 += high * delta[1]
      c0 += low * delta[2]
      c1 += high * delta[2]
      d0 += low * delta[3]
      d1 += high * delta[3]
    }
    let offset = tile &* ClassifierBatch.tile &* batch.inputs &+ panel &* ClassifierBatch.panel
    step(batch, at: offset, low: a0, high: a1)
    step(batch, at: offset &+ batch.inputs, low: b0, high: b1)
    step(batch, at: offset &+ 2 &* batch.inputs, low: c0, high: c1)
    step(batch, at: offset &+ 3 &* batch.inputs, low: d0, high: d1)
    if panel == 0 { updateBias(batch, tile, d) }
  }

  /// SGD as torch does it: g + decay w, v = momentum v + g, w - rate v.
  @inline(__always)
  private static func step(_ batch: ClassifierBatch, at start: Int, low: Four, high: Four) {
    for (offset, gradient) in [(0, low), (4, high)] {
      let weight = load(UnsafePointer(batch.weights), start &+ offset)
      let old = load(UnsafePointer(batch.weightVelocity), start &+ offset)
      let velocity = old * batch.momentum + (gradient + weight * batch.decay)
      store(velocity, batch.weightVelocity, start &+ offset)
      store(weight - velocity * batch.rate, batch.weights, start &+ offset)
    }
  }

  @inline(__always)
  private static func updateBias(_ batch: ClassifierBatch, _ tile: Int, _ deltas: UnsafePointer<Float>) {
    var gradient = Four()
    for image in 0..<batch.rows { gradient += load(deltas, image &* 4) }
    let offset = tile &* ClassifierBatch.tile
    let bias = load(UnsafePointer(batch.bias), offset)
    let old = load(UnsafePointer(batch.biasVelocity), offset)
    let velocity = old * batch.momentum + (gradient + bias * batch.decay)
    store(velocity, batch.biasVelocity, offset)
    store(bias - velocity * batch.rate, batch.bias, offset)
  }

  /// Images `begin ..< end`: dL/dfeatures `[rows, inputs]` into `target`, with the weights before their step.
  static func featureGradient(
    _ batch: ClassifierBatch, into target: UnsafeMutablePointer<Float>, _ begin: Int, _ end: Int
  ) {
    for image in begin..<end {
      let row = target + image &* batch.inputs
      row.update(repeating: 0, count: batch.inputs)
      for index in 0..<batch.classes {
        let offset = (index / ClassifierBatch.tile &* batch.rows &+ image) &* ClassifierBatch.tile
        let delta = batch.deltas[offset &+ index % ClassifierBatch.tile]
        let weights = UnsafePointer(batch.weights + index &* batch.inputs)
        var feature = 0
        while feature < batch.inputs {
          store(load(row, feature) + load(weights, feature) * delta, row, feature)
          feature &+= 4
        }
      }
    }
  }
}
