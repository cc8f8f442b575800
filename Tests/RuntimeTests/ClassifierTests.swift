import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime
import TestSupport
import Testing

@Suite struct ClassifierTests {
  private static func classifier(threads: Int? = nil) throws -> Classifier {
    var model = try PicturePassTests.model()
    model.metadata.labels = ["a", "b", "c"]
    return try Classifier(model: model, options: SessionOptions(threads: threads))
  }

  /// The results of a call that blocks, also where a test is asynchronous.
  private static func blocking(
    _ classifier: Classifier, _ inputs: [ClassifierInput]
  ) -> [Result<Classification, ClassifierError>] { classifier.classify(inputs) }

  /// Bytes `[height, bytesPerRow]` with pixels in `order` and noise behind each row.
  private static func plane(
    _ rgb: [UInt8], width: Int, height: Int, _ order: [Int], slack: Int
  ) -> (bytes: [UInt8], bytesPerRow: Int) {
    let bytesPerRow = width * order.count + slack
    var bytes = [UInt8](repeating: 0xA5, count: bytesPerRow * height)
    for row in 0..<height {
      for column in 0..<width {
        for (place, channel) in order.enumerated() {
          bytes[row * bytesPerRow + column * order.count + place] =
            channel < 3 ? rgb[3 * (row * width + column) + channel] : 77
        }
      }
    }
    return (bytes, bytesPerRow)
  }

  @Test(arguments: [0, 1, 13])
  func pixelsInMemoryAreThePicture(slack: Int) throws {
    let classifier = try Self.classifier()
    var random = SeededRandom(seed: 5)
    let (width, height) = (31, 22)
    let rgb = (0..<3 * width * height).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
    let expected = try classifier.classify(
      .picture(try #require(Picture(width: width, height: height, rgb: rgb))))
    let kinds: [([Int], (UnsafeRawPointer, Int, Int, Int?) -> ClassifierInput)] = [
      ([0, 1, 2, 3], { .rgba($0, width: $1, height: $2, bytesPerRow: $3) }),
      ([2, 1, 0, 3], { .bgra($0, width: $1, height: $2, bytesPerRow: $3) }),
      ([0, 1, 2], { .rgb($0, width: $1, height: $2, bytesPerRow: $3) }),
    ]
    for (order, input) in kinds {
      let (bytes, bytesPerRow) = Self.plane(rgb, width: width, height: height, order, slack: slack)
      try bytes.withUnsafeBytes { memory in
        let base = try #require(memory.baseAddress)
        #expect(try classifier.classify(input(base, width, height, bytesPerRow)) == expected)
        if slack == 0 { #expect(try classifier.classify(input(base, width, height, nil)) == expected) }
      }
    }
    let grey = (0..<width * height).map { rgb[3 * $0] }
    let asRGB = try classifier.classify(
      .picture(try #require(Picture(width: width, height: height, rgb: grey.flatMap { [$0, $0, $0] }))))
    let (bytes, bytesPerRow) = Self.plane(
      grey.flatMap { [$0, 0, 0] }, width: width, height: height, [0], slack: slack)
    try bytes.withUnsafeBytes { memory in
      let base = try #require(memory.baseAddress)
      #expect(
        try classifier.classify(.grey(base, width: width, height: height, bytesPerRow: bytesPerRow)) == asRGB)
    }
  }

  /// Every way to give a picture, and the tensor made of it, has the bits of `Session.run`.
  @Test func everyInputHasTheSessionsBits() async throws {
    let classifier = try Self.classifier()
    let path = TestData.fixture("imaging/exif-6.jpg")
    let bytes = try FileContents.read(path)
    let input = classifier.preprocessor.input(from: try classifier.preprocessor.picture(from: bytes))
    let expected = try classifier.session.run(input)
    #expect(try classifier.preprocess(.file(path)) == input)
    let inputs: [ClassifierInput] = [
      .file(path), .encoded(bytes), .encoded(bytes.array), .tensor(input),
      .picture(try PictureDecoder.decode(bytes)),
    ]
    for results in [Self.blocking(classifier, inputs), await classifier.classify(inputs)] {
      for (row, result) in results.enumerated() {
        let result = try result.get()
        #expect(result.logits == expected.logits && result.features == expected.features)
        #expect(result.isTurned == (row < 3))
      }
    }
    let lent =
      bytes.withUnsafeBytes { Self.blocking(classifier, [.encoded($0)]) }
      + input.withUnsafeBufferPointer { Self.blocking(classifier, [.tensor($0)]) }
    for result in lent { #expect(try result.get().logits == expected.logits) }
  }

  @Test func bestClassesComeFirstWithTheirNames() throws {
    let result = try Self.classifier().classify(.tensor((0..<288).map { Float($0 % 17) / 17 }))
    let probabilities = result.probabilities
    #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12 && probabilities.count == 7)
    let top = result.top(99)
    #expect(top.count == 7 && result.top(2) == Array(top.prefix(2)) && result.top(0).isEmpty)
    #expect(zip(top, top.dropFirst()).allSatisfy { $0.probability >= $1.probability })
    for best in top {
      #expect(best.probability == probabilities[best.index])
      #expect(best.label == (best.index < 3 ? ["a", "b", "c"][best.index] : "class \(best.index)"))
    }
  }

  @Test func wrongInputsAreErrorsOfTheirOwn() async throws {
    let classifier = try Self.classifier()
    let good = ClassifierInput.tensor([Float](repeating: 0.5, count: 288))
    let byte: UInt8 = 0
    let inputs = withUnsafePointer(to: byte) { pointer -> [ClassifierInput] in
      let base = UnsafeRawPointer(pointer)
      return [
        .tensor([1, 2]), good, .tensor([]), .encoded([]), .encoded([1, 2, 3]), .file("/absent.jpg"),
        .rgb(base, width: 0, height: 1), .rgb(base, width: 1, height: -1),
        .rgba(base, width: .max, height: .max),
        .bgra(base, width: 2, height: 2, bytesPerRow: 7), .grey(base, width: 4, height: 1, bytesPerRow: -4),
        good,
      ]
    }
    for results in [Self.blocking(classifier, inputs), await classifier.classify(inputs)] {
      #expect(results.count == inputs.count)
      for (row, result) in results.enumerated() {
        #expect(((try? result.get()) != nil) == (row == 1 || row == 11))
      }
      #expect(
        results[0]
          == .failure(.image(.inputMemory(expected: "288 floats [3, 8, 12]", found: "2"))))
      #expect(results[5] == .failure(.image(.file(.notFound(path: "/absent.jpg")))))
    }
    #expect(Self.blocking(classifier, []).isEmpty)
    await #expect(throws: ClassifierError.self) { try await Classifier("/absent.bin") }
    let notFinite = [Float](repeating: .nan, count: 288)
    #expect(Self.blocking(classifier, [.tensor(notFinite)]) == [.failure(.notFinite)])
    let small = try Preprocessor(.imageNet, size: Extent(square: 8))
    let model = try PicturePassTests.model()
    #expect(throws: ClassifierError.self) { try Classifier(model: model, preprocessor: small) }
  }

  @Test(arguments: [1, 2])
  func concurrentTasksGetTheSameBits(threads: Int) async throws {
    let classifier = try Self.classifier(threads: threads)
    let inputs = (0..<64).map { seed in
      var random = SeededRandom(seed: UInt64(seed))
      return (0..<288).map { _ in Float(random.nextDouble()) }
    }
    let expected = try inputs.map { try classifier.session.run($0).logits }
    try await withThrowingTaskGroup(of: (Int, [[Float]]).self) { group in
      for (index, input) in inputs.enumerated() {
        group.addTask {
          var found: [[Float]] = []
          for _ in 0..<4 { found.append(try await classifier.classify(.tensor(input)).logits) }
          let many = await classifier.classify(Array(repeating: .tensor(input), count: 1 + index))
          return (index, try found + many.map { try $0.get().logits })
        }
      }
      for try await (index, found) in group {
        #expect(found.count == 5 + index && found.allSatisfy { $0 == expected[index] })
      }
    }
  }

  @Test func cancelledCallsEnd() async throws {
    let classifier = try Self.classifier()
    let input = ClassifierInput.tensor([Float](repeating: 0.5, count: 288))
    let call = Task { await classifier.classify(Array(repeating: input, count: 20_000)) }
    let cancelled = Task {
      while !Task.isCancelled { await Task.yield() }
      return await classifier.classify([input])
    }
    cancelled.cancel()
    #expect(await cancelled.value == [.failure(.cancelled)])
    call.cancel()
    let results = await call.value
    #expect(results.count == 20_000)
    #expect(results.allSatisfy { $0 == .failure(.cancelled) || (try? $0.get()) != nil })
    #expect(try await classifier.classify(input).logits.count == 7)
  }

  @Test func synchronousRunsEndInACancelledTask() async throws {
    let classifier = try Self.classifier()
    let input = [Float](repeating: 0.5, count: 288)
    let task = Task { () -> (Result<Classification, ClassifierError>, Result<Session.Output, RuntimeError>) in
      while !Task.isCancelled { await Task.yield() }
      func classify() -> Result<Classification, ClassifierError> { classifier.classify([.tensor(input)])[0] }
      return (
        classify(), Result { () throws(RuntimeError) in try classifier.session.run(input) }
      )
    }
    task.cancel()
    let (classified, run) = await task.value
    #expect(classified == .failure(.cancelled) && run == .failure(.cancelled))
    #expect(try classifier.session.run(input).logits.count == 7, "others go on")
  }

  @Test func opensAFileWhileTheTaskSleeps() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bin"
    try ModelFile.write(try PicturePassTests.model(), to: path)
    let input = ClassifierInput.tensor([Float](repeating: 0.5, count: 288))
    let expected = try Self.blocking(Self.classifier(), [input])[0].get().logits
    #expect(try await Classifier(path).classify(input).logits == expected)
    await #expect(throws: ClassifierError.self) { try await Classifier(folder.path) }
  }
}
