import FixresBase
import FixresRuntime

/// Trains a linear classifier over features that do not change, by SGD with momentum on cross-entropy.
///
/// Results are the same bits at every thread count.
package final class ClassifierTrainer {
  /// Number of classes.
  package let classes: Int
  /// Number of features of a sample, without padding.
  package let features: Int
  /// Samples of a step at most.
  package let batchSize: Int
  /// Floats of a sample in the stores that this trainer reads: `features` and a padding of zeros.
  package let featureStride: Int
  private let pool: ThreadPool
  private let block: AlignedBlock
  private(set) var batch: ClassifierBatch

  /// Work of a step below which one thread does it alone: handing it to others costs more.
  private static let parallelThreshold = 1 << 21

  /// A trainer that starts from `weights` `[classes, features]` and `bias` `[classes]`.
  package init(
    weights: [Float], bias: [Float], features: Int, batchSize: Int, pool: ThreadPool
  ) {
    precondition(
      weights.count == bias.count * features, "\(weights.count) weights are not \(bias.count) x \(features)")
    precondition(batchSize > 0 && features > 0 && !bias.isEmpty, "a classifier needs classes and features")
    (classes, self.features, self.batchSize) = (bias.count, features, batchSize)
    featureStride = SampleStore.stride(features)
    self.pool = pool
    let rows = (batchSize + 1) / 2 * 2
    let outputs = (bias.count + ClassifierBatch.tile - 1) / ClassifierBatch.tile * ClassifierBatch.tile
    let matrix = outputs * featureStride
    let row = (outputs + 15) / 16 * 16
    let samples = rows * featureStride
    let padded = (rows + 15) / 16 * 16
    // Each part starts on 64 bytes, since its length is a multiple of 16 floats or rounded up to one.
    let part = { (count: Int) in (count + 15) / 16 * 16 }
    let counts = [matrix, matrix, row, row, samples, samples, rows * outputs, rows * outputs].map(part)
    block = AlignedBlock(floatCount: counts.reduce(0, +) + padded * 4)
    var next = block.floats
    var parts: [UnsafeMutablePointer<Float>] = []
    for count in counts {
      parts.append(next)
      next += count
    }
    let losses = UnsafeMutableRawPointer(next).assumingMemoryBound(to: Double.self)
    let labels = UnsafeMutableRawPointer(losses + padded).assumingMemoryBound(to: Int32.self)
    batch = ClassifierBatch(
      images: 0, rows: rows, classes: bias.count, outputs: outputs, inputs: featureStride,
      features: parts[4], panels: parts[5], labels: labels, weights: parts[0], weightVelocity: parts[1],
      bias: parts[2], biasVelocity: parts[3], logits: parts[6], deltas: parts[7], losses: losses,
      hits: labels + padded)
    for index in bias.indices {
      batch.bias[index] = bias[index]
      for feature in 0..<features {
        batch.weights[index * featureStride + feature] = weights[index * features + feature]
      }
    }
  }

  /// What a pass over samples gave.
  package struct Score: Hashable, Sendable {
    /// Number of samples.
    package var samples = 0
    /// Sum of the samples' losses, in nats.
    package var lossSum = 0.0
    /// Number of samples whose greatest logit is that of their class.
    package var hits = 0

    /// A score of no samples.
    package init() {}

    /// Mean loss in nats.
    package var loss: Double { lossSum / Double(max(samples, 1)) }
    /// Share of hits, 0...1.
    package var top1: Double { Double(hits) / Double(max(samples, 1)) }
  }

  /// Takes one step on the samples `indices` of `store` `[samples, featureStride]`, at most `batchSize` of them.
  package func step(
    _ store: UnsafePointer<Float>, labels: UnsafePointer<Int32>, indices: ArraySlice<Int>,
    rate: Double, schedule: TrainingSchedule, into score: inout Score
  ) {
    gather(store, labels, indices)
    set(rate, schedule)
    forward(into: &score)
    update()
  }

  func set(_ rate: Double, _ schedule: TrainingSchedule) {
    batch.rate = Float(rate)
    batch.momentum = Float(schedule.momentum)
    batch.decay = Float(schedule.weightDecay)
    batch.smoothing = Float(schedule.labelSmoothing)
  }

  /// Loss and hits over all `count` samples of `store`, without a step or label smoothing.
  package func evaluate(
    _ store: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int
  ) -> Score {
    var score = Score()
    evaluate(store, labels: labels, count: count, into: &score)
    return score
  }

  func evaluate(
    _ store: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int, into score: inout Score
  ) {
    batch.smoothing = 0
    var first = 0
    while first < count {
      let end = min(first + batchSize, count)
      gather(store, labels, ArraySlice(first..<end))
      forward(into: &score)
      first = end
    }
  }

  /// Bytes that training `classes` x `features` weights takes: the trainer's own, and what it keeps of the best epoch
  /// and writes as its state.
  static func byteCount(classes: Int, features: Int, batchSize: Int) -> Int {
    let stride = SampleStore.stride(features)
    let weights = stride.multipliedSaturated(classes.addingSaturated(ClassifierBatch.tile))
    let samples = stride.addingSaturated(classes).multipliedSaturated(batchSize + 1)
    let floats = weights.multipliedSaturated(12).addingSaturated(samples.multipliedSaturated(3))
    return floats.multipliedSaturated(4)
  }

  // MARK: - Parts of a step

  /// Copies samples into rows and panels.
  func gather(_ store: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ indices: ArraySlice<Int>) {
    begin(labels, indices)
    for (row, index) in indices.enumerated() {
      (batch.features + row * featureStride).update(from: store + index * featureStride, count: featureStride)
    }
    fillPanels()
  }

  /// Sets the labels of a batch; rows beyond it are zero and have no gradient.
  func begin(_ labels: UnsafePointer<Int32>, _ indices: ArraySlice<Int>) {
    precondition(indices.count <= batchSize, "a batch holds \(batchSize) samples, not \(indices.count)")
    batch.images = indices.count
    for (row, index) in indices.enumerated() { batch.labels[row] = labels[index] }
    guard indices.count < batch.rows else { return }
    let unused = batch.rows - indices.count
    (batch.features + indices.count * featureStride).update(repeating: 0, count: unused * featureStride)
    batch.deltas.update(repeating: 0, count: batch.rows * batch.outputs)
  }

  /// Copies the rows into panels, the order in which the gradient reads them.
  func fillPanels() {
    let (rows, panel) = (batch.rows, ClassifierBatch.panel)
    for row in 0..<rows {
      let source = UnsafePointer(batch.features + row &* featureStride)
      for index in 0..<featureStride / panel {
        let target = batch.panels + (index &* rows &+ row) &* panel
        ClassifierKernels.store(ClassifierKernels.load(source, index &* panel), target, 0)
        ClassifierKernels.store(ClassifierKernels.load(source, index &* panel &+ 4), target, 4)
      }
    }
  }

  func forward(into score: inout Score) {
    run(ClassifierKernels.logits, batch.logitItems)
    run(ClassifierKernels.softmax, batch.images)
    for image in 0..<batch.images {
      score.lossSum += batch.losses[image]
      score.hits += Int(batch.hits[image])
    }
    score.samples += batch.images
  }

  func update() { run(ClassifierKernels.update, batch.updateItems) }

  /// dL/dfeatures of the batch, `[rows, featureStride]`; to be taken before `update`.
  func featureGradient(into target: UnsafeMutablePointer<Float>) {
    run({ ClassifierKernels.featureGradient($0, into: target, $1, $2) }, batch.images)
  }

  private func run(_ kernel: (ClassifierBatch, Int, Int) -> Void, _ count: Int) {
    guard batch.rows * batch.inputs * batch.outputs >= ClassifierTrainer.parallelThreshold else {
      kernel(batch, 0, count)
      return
    }
    pool.run(count) { [batch] begin, end in kernel(batch, begin, end) }
  }

  // MARK: - Parameters

  /// The current weights, `[classes, features]`.
  package var weights: [Float] { unpadded(batch.weights) }
  /// The current bias, `[classes]`.
  package var bias: [Float] { Array(UnsafeBufferPointer(start: batch.bias, count: classes)) }
  /// The momentum of the weights, `[classes, features]`.
  package var weightVelocity: [Float] { unpadded(batch.weightVelocity) }
  /// The momentum of the bias, `[classes]`.
  package var biasVelocity: [Float] { Array(UnsafeBufferPointer(start: batch.biasVelocity, count: classes)) }

  /// Restores parameters and momentum of an interrupted training.
  package func restore(weights: [Float], bias: [Float], weightVelocity: [Float], biasVelocity: [Float]) {
    precondition(
      weights.count == classes * features && weightVelocity.count == weights.count && bias.count == classes
        && biasVelocity.count == classes, "the state is that of another classifier")
    for index in 0..<classes {
      batch.bias[index] = bias[index]
      batch.biasVelocity[index] = biasVelocity[index]
      for feature in 0..<features {
        let (target, source) = (index * featureStride + feature, index * features + feature)
        batch.weights[target] = weights[source]
        batch.weightVelocity[target] = weightVelocity[source]
      }
    }
  }

  private func unpadded(_ matrix: UnsafeMutablePointer<Float>) -> [Float] {
    (0..<classes).flatMap { row in
      UnsafeBufferPointer(start: matrix + row * featureStride, count: features)
    }
  }
}
