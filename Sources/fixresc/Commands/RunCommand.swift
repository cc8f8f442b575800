import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime

private enum Options {
  static let top = Option("--top", "K", kind: .integer(1...Int.max), "how many classes to show (default 5)")
  static let pixels = Option(
    "--save-pixels", "F.npy", kind: .file(.output()),
    "write the pixels after resize and crop, uint8 [N,H,W,3]")
  static let input = Option(
    "--save-input", "F.npy", kind: .file(.output()), "write the network's input, float32 [N,3,H,W]")
  static let logits = Option(
    "--save-logits", "F.npy", kind: .file(.output()), "write the logits, float32 [N,classes]")
  static let features = Option(
    "--save-features", "F.npy", kind: .file(.output()), "write the pooled features, float32 [N,F]")
}

extension Command {
  static let run = Command(
    "run", "classify pictures, folders of pictures, or .npy tensors",
    example: "fixresc run resnet50-384.bin photo.jpg",
    arguments: [
      Shared.modelArgument,
      Argument(
        "INPUT", .oneOrMore, kind: .file(.input),
        "a JPEG, PNG or PPM picture, a folder of them, or a .npy tensor [N,3,H,W] that is taken as it is"),
    ],
    groups: [
      OptionGroup("Options", [Options.top]),
      OptionGroup("Save", [Options.pixels, Options.input, Options.logits, Options.features]),
      Shared.pictures, Shared.model, Shared.engine,
    ],
    run: { invocation in
      try Classification(invocation).run()
    })
}

/// One run of `run`.
private final class Classification {
  private let invocation: Invocation
  private let console: Console
  private let metadata: ModelMetadata
  private let session: Session
  private let preprocessor: Preprocessor
  private let top: Int
  private var saved: Saved
  private var logits: [Float]
  private var features: [Float]
  private var turnedCount = 0
  private var failures = PictureFailures()
  private var streak: FailureStreak

  private static let batchSize = 8

  /// The files of the --save options, written input by input.
  private struct Saved: ~Copyable {
    var pixels: NpyRowWriter?
    var input: NpyRowWriter?
    var logits: NpyRowWriter?
    var features: NpyRowWriter?
    /// Number of inputs that were classified.
    var count = 0

    init(_ invocation: Invocation, _ session: Session) throws(FileError) {
      let shape = session.inputShape
      func writer(
        _ option: Option, _ rowShape: [Int], _ element: NpyArray.Element = .float32
      ) throws(FileError) -> NpyRowWriter? {
        guard let path = invocation.text(option) else { return nil }
        return try NpyRowWriter(path: path, rowShape: rowShape, element: element)
      }
      let pixels = try writer(Options.pixels, [shape[1], shape[2], shape[0]], .uint8)
      let input = try writer(Options.input, shape)
      let logits = try writer(Options.logits, [session.classCount])
      let features = try writer(Options.features, [session.featureCount])
      self.pixels = pixels
      self.input = input
      self.logits = logits
      self.features = features
    }

    mutating func commit() throws(FileError) {
      if let writer = pixels.take() { try writer.commit() }
      if let writer = input.take() { try writer.commit() }
      if let writer = logits.take() { try writer.commit() }
      if let writer = features.take() { try writer.commit() }
    }
  }

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    console = invocation.console
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    metadata = source.model.metadata
    preprocessor = try PictureSource.preprocessor(for: source.model, invocation)
    if !invocation.has(Options.features) {
      try ModelSource.requireClassifier(source.model, for: "classifying")
    }
    session = try ModelSource.session(source.model, invocation)
    top = min(invocation.integer(Options.top) ?? 5, session.classCount)
    logits = [Float](repeating: 0, count: Classification.batchSize * session.classCount)
    features = [Float](repeating: 0, count: Classification.batchSize * session.featureCount)
    if invocation.has(Options.logits) {
      try ModelSource.requireClassifier(source.model, for: "--save-logits")
    }
    if invocation.has(Options.features), session.featureCount == 0 {
      throw CommandError.refused(
        kind: "run.no-features", "--save-features: expected a model with pooled features, found one without")
    }
    streak = FailureStreak(limit: PictureFolder.failureLimit(invocation))
    saved = try Saved(invocation, session)
  }

  func run() throws -> JSON.Object {
    let inputs = try InputList(Array(invocation.arguments.dropFirst()), invocation)
    if invocation.has(Options.pixels), let tensor = inputs.tensors.first {
      throw CommandError.refused(
        kind: "run.no-pixels", "--save-pixels: expected pictures only, found the tensor \(tensor)")
    }
    var bar = Progress("run", total: inputs.count, on: console)
    for part in inputs.parts where !streak.isTooLong {
      switch part {
      case .pictures(let paths): try runPictures(paths, named: inputs.named, &bar)
      case .tensor(let path, let array): try runTensor(path, array)
      }
    }
    bar.finish()
    PictureSource.warnOfTurned(turnedCount, invocation)
    try tellFailures(of: inputs.count)
    try saved.commit()
    var object = JSON.Object()
    object["results"] = .array([])
    return object
  }

  /// The first failure is the command's where nothing was classified; otherwise the rest counts, and the exit status
  /// says that something is missing.
  private func tellFailures(of total: Int) throws {
    guard let first = failures.first else { return }
    if streak.isTooLong, let start = streak.first {
      let error = MethodError.failuresInSuccession(
        count: streak.count, done: saved.count + failures.count, pictures: total, first: start.path,
        start.error)
      guard saved.count > 0 else { throw error }
      console.warn("ended early: " + ErrorReport(error).line(limit: Console.errorLineLimit))
    }
    guard saved.count > 0 else { throw CommandError.about(path: first.path, underlying: first.error) }
    PictureFolder.tell(failures, invocation)
    console.status = 1
  }

  private func runPictures(_ paths: [String], named: Set<String>, _ bar: inout Progress) throws {
    let pass = try PicturePass(
      session, preprocessor, limit: paths.count, keepsInputs: saved.input != nil,
      keepsPixels: saved.pixels != nil)
    var first = 0
    while first < paths.count {
      let part = Array(paths[first..<min(first + pass.stride, paths.count)])
      try pass.run(part.count) { [preprocessor] (row) throws(ImageError) in
        try PicturePass.input(fromFile: part[row], preprocessor)
      }
      for (row, path) in part.enumerated() {
        guard let error = pass.failure(row), named.contains(path), !error.isWithoutDecoder else { continue }
        throw CommandError.about(path: path, underlying: error)
      }
      try take(pass, part, from: first)
      if console.isClosed || streak.isTooLong { return }
      first += part.count
      bar.update(first)
    }
  }

  /// Shows and saves the results of the pictures `paths`, the first of which is number `first`.
  private func take(_ pass: PicturePass, _ paths: [String], from first: Int) throws {
    for (row, path) in paths.enumerated() {
      if let error = pass.failure(row) {
        let failure = Evaluation.Failure(path: path, error: error)
        failures.append(failure)
        streak.add(failure, number: first + row)
        if streak.isTooLong { return }
        continue
      }
      streak.end()
      if pass.isTurned(row) { turnedCount += 1 }
      try show(path, pass.logits(row), pass.features(row), input: pass.input(row)) {
        // Only a network that computes numbers that are not finite needs the input again.
        guard case .picture(let picture, _) = try PicturePass.input(fromFile: path, preprocessor) else {
          return []
        }
        return preprocessor.input(from: picture)
      }
      try saved.pixels?.append(pass.pixels(row))
    }
  }

  private func runTensor(_ path: String, _ array: NpyArray) throws {
    let expected = session.inputShape
    let shape = array.shape
    guard shape.count == 4, Array(shape[1...]) == expected else {
      throw CommandError.refused(
        kind: "run.tensor-shape",
        "\(path): expected a tensor [N, \(expected.map(String.init).joined(separator: ", "))], found \(shape)"
      )
    }
    let values = array.floats()
    let perImage = expected.reduce(1, *)
    var first = 0
    while first < shape[0], !console.isClosed {
      let count = min(Classification.batchSize, shape[0] - first)
      let names = (first..<first + count).map { shape[0] == 1 ? path : "\(path)[\($0)]" }
      try values.withUnsafeBufferPointer { buffer in
        try infer(UnsafeBufferPointer(rebasing: buffer[first * perImage..<(first + count) * perImage]), names)
      }
      first += count
    }
  }

  private func infer(_ input: UnsafeBufferPointer<Float>, _ names: [String]) throws {
    let count = names.count
    try logits.withUnsafeMutableBufferPointer { logits in
      try features.withUnsafeMutableBufferPointer { features in
        let logits = UnsafeMutableBufferPointer(rebasing: logits[..<(count * session.classCount)])
        let wanted = UnsafeMutableBufferPointer(rebasing: features[..<(count * session.featureCount)])
        try session.run(
          input, batch: count, logits: logits, features: session.featureCount > 0 ? wanted : nil)
        for (row, name) in names.enumerated() {
          let one = input.row(row, of: count)
          try show(
            name, UnsafeBufferPointer(logits).row(row, of: count),
            UnsafeBufferPointer(wanted).row(row, of: count),
            input: one, remade: { Array(one) })
        }
      }
    }
  }

  /// Shows and saves the results of the input `name`; `remade` gives its floats once more.
  private func show(
    _ name: String, _ logits: UnsafeBufferPointer<Float>, _ features: UnsafeBufferPointer<Float>,
    input: UnsafeBufferPointer<Float>, remade: () throws -> [Float]
  ) throws {
    guard logits.firstNonFinite == nil, features.firstNonFinite == nil else {
      throw notFinite(name, (try? remade()) ?? [])
    }
    saved.count += 1
    try saved.input?.append(input)
    try saved.logits?.append(logits)
    try saved.features?.append(features)
    if session.classCount > 0 { show(name, best(of: logits)) } else { showFeatures(name) }
  }

  /// The refusal of scores that are not finite, with what makes them so.
  private func notFinite(_ name: String, _ input: [Float]) -> MethodError {
    // The session keeps its weights alone, so the model is read again.
    let model = input.isEmpty ? nil : try? ModelSource.reopened(invocation.arguments[0], invocation)
    return .notFinite(
      input: name,
      model.map { NonFiniteSearch.origin(in: $0, of: input, options: session.options) } ?? .unknown)
  }

  /// What is shown of an input that a network without a classifier has read.
  private func showFeatures(_ name: String) {
    if console.isJSON {
      console.stream(
        ["input": .string(name), "classes": .array([]), "features": JSON(session.featureCount)],
        of: "results")
    } else {
      console.lines([name, "  \(Text.grouped(session.featureCount)) features"])
    }
  }

  private func best(of logits: UnsafeBufferPointer<Float>) -> [(index: Int, probability: Double)] {
    let reading = metadata.reading(logitCount: logits.count)
    let probabilities = reading.probabilities(logits)
    return reading.best(top, of: logits).map { ($0, probabilities[$0]) }
  }

  private func show(_ name: String, _ best: [(index: Int, probability: Double)]) {
    if console.isJSON {
      let classes = best.map { (index, probability) -> JSON in
        [
          "index": JSON(index), "label": label(index).map { .string($0) } ?? .null,
          "probability": JSON(probability),
        ]
      }
      console.stream(["input": .string(name), "classes": .array(classes)], of: "results")
      return
    }
    console.line(name)
    var table = Table([.right, .left])
    for (index, probability) in best {
      table.add([Text.fixed(100 * probability, 2) + " %", label(index) ?? "class \(index)"])
    }
    console.lines(table.lines(indent: "  "))
  }

  private func label(_ index: Int) -> String? {
    metadata.labels.indices.contains(index) ? metadata.labels[index] : nil
  }
}

extension UnsafeBufferPointer {
  /// Row `row` of `count` rows of equal length.
  fileprivate func row(_ row: Int, of count: Int) -> UnsafeBufferPointer {
    let length = self.count / count
    return UnsafeBufferPointer(rebasing: self[row * length..<(row + 1) * length])
  }
}
