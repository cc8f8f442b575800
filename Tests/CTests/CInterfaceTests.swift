import FixresBase
import FixresC
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// The functions of `fixresc.h`, called as C calls them.
@Suite struct CInterfaceTests {
  private static let (ok, invalid, file, model, picture, command, cancelled):
    (Int32, Int32, Int32, Int32, Int32, Int32, Int32) =
      (0, 1, 2, 3, 4, 7, 8)
  private static let modelPath = TestData.root + "/Models/resnet18w32-imagenette-r112.bin"
  private static let picturePath = TestData.root + "/Models/sample/golf-ball.jpg"

  private static func open(_ path: String = modelPath) throws -> OpaquePointer {
    var handle: OpaquePointer?
    #expect(FixresC.open(path: path, options: nil, model: &handle) == ok)
    return try #require(handle)
  }

  private static func lastError() throws -> UnsafePointer<CChar> {
    let text = FixresC.lastError()
    return try #require(text)
  }

  /// A struct of the interface: its size, then bytes of 0.
  private final class Record {
    let memory: UnsafeMutableRawPointer

    init(size: Int, stated: UInt32? = nil) {
      memory = .allocate(byteCount: size, alignment: 16)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      memory.storeBytes(of: stated ?? UInt32(size), as: UInt32.self)
    }

    deinit { memory.deallocate() }

    func load<T: BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
      memory.load(fromByteOffset: offset, as: type)
    }
  }

  @Test func classifiesAsTheClassifierDoes() throws {
    let handle = try Self.open()
    let expected = try Classifier(Self.modelPath).classify(.file(Self.picturePath))
    let shape = Record(size: 48)
    #expect(FixresC.modelShape(model: handle, shape: shape.memory) == Self.ok)
    #expect(
      shape.load(8, Int.self) == 3 && shape.load(16, Int.self) == 112 && shape.load(24, Int.self) == 112)
    #expect(
      shape.load(32, Int.self) == expected.logits.count && shape.load(40, Int.self) == expected.features.count
    )
    var results: OpaquePointer?
    Self.picturePath.withCString { path in
      var paths: [UnsafePointer<CChar>?] = [path, path]
      "/absent.jpg".withCString { absent in
        paths.append(absent)
        #expect(FixresC.classifyFiles(model: handle, paths: paths, count: 3, results: &results) == Self.ok)
      }
    }
    var count = 0
    #expect(FixresC.resultsCount(results: results, count: &count) == Self.ok && count == 3)
    for index in 0..<2 {
      let item = Record(size: 40)
      #expect(FixresC.resultsItem(results: results, index: index, item: item.memory) == Self.ok)
      #expect(item.load(4, Int32.self) == Self.ok && item.load(8, UnsafePointer<CChar>?.self) == nil)
      let logits = try #require(item.load(16, UnsafePointer<Float>?.self))
      let features = try #require(item.load(24, UnsafePointer<Float>?.self))
      #expect(Array(UnsafeBufferPointer(start: logits, count: expected.logits.count)) == expected.logits)
      #expect(
        Array(UnsafeBufferPointer(start: features, count: expected.features.count)) == expected.features)
    }
    let best = UnsafeMutableRawPointer.allocate(byteCount: 24 * 10, alignment: 8)
    defer { best.deallocate() }
    #expect(FixresC.resultsTop(results: results, index: 0, most: 99, best: best, count: &count) == Self.ok)
    #expect(count == expected.logits.count)
    for (place, prediction) in expected.top(count).enumerated() {
      #expect(best.load(fromByteOffset: 24 * place, as: Int.self) == prediction.index)
      #expect(best.load(fromByteOffset: 24 * place + 8, as: Double.self) == prediction.probability)
      let label = best.load(fromByteOffset: 24 * place + 16, as: UnsafePointer<CChar>?.self)
      #expect(String(cString: try #require(label)) == prediction.label)
    }
    let failed = Record(size: 40)
    #expect(FixresC.resultsItem(results: results, index: 2, item: failed.memory) == Self.ok)
    #expect(failed.load(4, Int32.self) == Self.file && failed.load(16, UnsafePointer<Float>?.self) == nil)
    let sentence = try #require(failed.load(8, UnsafePointer<CChar>?.self))
    #expect(String(cString: sentence) == "/absent.jpg: no such file or folder")
    #expect(
      FixresC.resultsFree(results: results) == Self.ok
        && FixresC.resultsFree(results: results) == Self.invalid)
    #expect(FixresC.close(model: handle) == Self.ok && FixresC.close(model: handle) == Self.invalid)
  }

  /// Whoever was compiled with an earlier, shorter struct gets the fields that it knows and no byte more.
  @Test func writesNoMoreThanTheCallerKnows() throws {
    let handle = try Self.open()
    defer { _ = FixresC.close(model: handle) }
    let shape = Record(size: 48, stated: 16)
    #expect(FixresC.modelShape(model: handle, shape: shape.memory) == Self.ok)
    #expect(shape.load(8, Int.self) == 3 && shape.load(16, Int.self) == 0 && shape.load(40, Int.self) == 0)
    for stated in [0, 3, 100_000] as [UInt32] {
      #expect(
        FixresC.modelShape(model: handle, shape: Record(size: 48, stated: stated).memory) == Self.invalid)
    }
  }

  @Test func unknownHandlesAreRefused() throws {
    var out: OpaquePointer?
    var text: UnsafePointer<CChar>?
    var count = 0
    var input = [Float](repeating: 0, count: 3 * 112 * 112)
    let garbage = [
      nil, OpaquePointer(bitPattern: 1), OpaquePointer(bitPattern: 0x1000_0012),
      OpaquePointer(bitPattern: -8),
    ]
    for other in garbage {
      let record = Record(size: 48)
      let statuses = [
        FixresC.close(model: other), FixresC.modelShape(model: other, shape: record.memory),
        FixresC.modelLabel(model: other, index: 0, label: &text),
        FixresC.modelMetadata(model: other, json: &text),
        FixresC.classifyFiles(model: other, paths: nil, count: 0, results: &out),
        FixresC.classifyEncoded(model: other, bytes: nil, sizes: nil, count: 0, results: &out),
        FixresC.classifyPixels(model: other, images: nil, count: 0, results: &out),
        FixresC.resultsCount(results: other, count: &count),
        FixresC.resultsItem(results: other, index: 0, item: record.memory),
        FixresC.resultsTop(results: other, index: 0, most: 1, best: record.memory, count: &count),
        FixresC.resultsProbabilities(results: other, index: 0, probabilities: nil),
        FixresC.resultsFree(results: other),
        FixresC.run(model: other, input: &input, count: 1, logits: nil, features: nil),
        FixresC.preprocessFile(model: other, path: nil, input: nil, pixels: nil),
        FixresC.preprocessEncoded(model: other, bytes: nil, size: 0, input: nil, pixels: nil),
        FixresC.preprocessPixels(model: other, image: nil, input: nil, pixels: nil),
        FixresC.outputGet(output: other, exitStatus: nil, results: nil, messages: nil),
        FixresC.outputFree(output: other), FixresC.workerClose(worker: other),
        FixresC.workerRunFiles(
          worker: other, samples: nil, labels: nil, paths: nil, count: 0, records: &out),
        FixresC.workerRunEncoded(
          worker: other, samples: nil, labels: nil, bytes: nil, sizes: nil, count: 0, records: &out),
        FixresC.recordsGet(records: other, bytes: nil, size: nil), FixresC.recordsFree(records: other),
      ]
      #expect(statuses.allSatisfy { $0 == Self.invalid })
    }
    #expect(String(cString: try Self.lastError()).hasPrefix("records: expected a handle"))
  }

  @Test func nullAndWrongArgumentsAreRefused() throws {
    let handle = try Self.open()
    defer { _ = FixresC.close(model: handle) }
    var out: OpaquePointer?
    var text: UnsafePointer<CChar>?
    var input = [Float](repeating: 0, count: 3 * 112 * 112)
    let withModel = [
      FixresC.modelShape(model: handle, shape: nil), FixresC.modelLabel(model: handle, index: 0, label: nil),
      FixresC.modelLabel(model: handle, index: -1, label: &text),
      FixresC.modelLabel(model: handle, index: 10, label: &text),
      FixresC.modelMetadata(model: handle, json: nil),
      FixresC.classifyFiles(model: handle, paths: nil, count: 1, results: &out),
      FixresC.classifyFiles(model: handle, paths: nil, count: -1, results: &out),
      FixresC.classifyFiles(model: handle, paths: nil, count: 0, results: nil),
      FixresC.classifyEncoded(model: handle, bytes: nil, sizes: nil, count: 1, results: &out),
      FixresC.classifyPixels(model: handle, images: nil, count: 1, results: &out),
      FixresC.run(model: handle, input: nil, count: 1, logits: nil, features: nil),
      FixresC.run(model: handle, input: &input, count: 0, logits: nil, features: nil),
      FixresC.run(model: handle, input: &input, count: -1, logits: nil, features: nil),
      FixresC.run(model: handle, input: &input, count: 1, logits: nil, features: nil),
      FixresC.preprocessFile(model: handle, path: nil, input: nil, pixels: nil),
      FixresC.preprocessEncoded(model: handle, bytes: nil, size: 4, input: nil, pixels: nil),
      FixresC.preprocessPixels(model: handle, image: nil, input: nil, pixels: nil),
      FixresC.open(path: nil, options: nil, model: &out),
      FixresC.open(path: "/absent", options: nil, model: nil),
      FixresC.openBytes(bytes: nil, size: 0, options: nil, model: &out),
      FixresC.command(words: nil, count: 1, callbacks: nil, output: &out),
      FixresC.command(words: nil, count: -1, callbacks: nil, output: &out),
      FixresC.command(words: nil, count: 0, callbacks: nil, output: nil),
      FixresC.workerOpen(task: nil, options: nil, worker: &out),
      FixresC.workerOpen(task: "/absent", options: nil, worker: nil),
      FixresC.version(abi: nil, version: &text), FixresC.version(abi: nil, version: nil),
    ]
    #expect(withModel.allSatisfy { $0 == Self.invalid })
    #expect(out == nil)
    #expect(FixresC.open(path: "/absent.bin", options: nil, model: &out) == Self.file && out == nil)
    #expect(FixresC.open(path: Self.picturePath, options: nil, model: &out) == Self.model && out == nil)
  }

  @Test func runsTensorsAndPreprocesses() throws {
    let bytes = try FileContents.read(Self.modelPath).array
    var handle: OpaquePointer?
    #expect(FixresC.openBytes(bytes: bytes, size: bytes.count, options: nil, model: &handle) == Self.ok)
    defer { _ = FixresC.close(model: handle) }
    let classifier = try Classifier(Self.modelPath)
    let expected = try classifier.preprocess(.file(Self.picturePath))
    var input = [Float](repeating: 0, count: expected.count)
    #expect(
      FixresC.preprocessFile(model: handle, path: Self.picturePath, input: &input, pixels: nil) == Self.ok)
    #expect(input == expected)
    var logits = [Float](repeating: 0, count: 10)
    #expect(FixresC.run(model: handle, input: input, count: 1, logits: &logits, features: nil) == Self.ok)
    #expect(logits == (try classifier.session.run(expected)).logits)
  }

  private func run(
    _ words: [String], callbacks: UnsafeRawPointer? = nil
  ) throws -> (status: Int32, exit: Int32, results: String, messages: String) {
    let copies = words.map { FileName.bytes(of: $0) + [0] }
    var output: OpaquePointer?
    let pointers = copies.map { bytes -> UnsafePointer<CChar>? in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      return UnsafePointer(copy)
    }
    defer { for pointer in pointers { pointer?.deallocate() } }
    let status = FixresC.command(words: pointers, count: words.count, callbacks: callbacks, output: &output)
    var (exit, results, messages): (Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (-1, nil, nil)
    #expect(
      FixresC.outputGet(output: output, exitStatus: &exit, results: &results, messages: &messages)
        == Self.ok)
    let texts = (String(cString: try #require(results)), String(cString: try #require(messages)))
    #expect(FixresC.outputFree(output: output) == Self.ok)
    return (status, exit, texts.0, texts.1)
  }

  /// A callback that answers 1 ends its command, at once and where only the output is left to be written.
  @Test func callbacksEndCommands() throws {
    let pictures = try PictureFolder(classes: 2, perClass: 3)
    let folder = try TemporaryFolder()
    let model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(side: 8, channels: 4, seed: 2), to: model)
    let callbacks = Record(size: 24)
    let answers: [@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int, Int) -> Int32] = [
      { _, _, _, _ in 0 }, { _, _, _, _ in 1 },
      { _, label, _, _ in label.map { String(cString: $0) }?.hasPrefix("12") == true ? -1 : 0 },
    ]
    for (index, answer) in answers.enumerated() {
      let page = folder.path + "/page\(index).html"
      callbacks.memory.storeBytes(
        of: unsafeBitCast(answer, to: UnsafeRawPointer.self), toByteOffset: 8, as: UnsafeRawPointer.self)
      let words = ["stats", model, pictures.folder.path, "--resolutions", "8,12", "-o", page, "--json"]
      let result = try run(words, callbacks: UnsafeRawPointer(callbacks.memory))
      #expect(result.status == (index == 0 ? Self.ok : Self.cancelled), "\(index): \(result.messages)")
      #expect(result.exit == (index == 0 ? 0 : 1))
      #expect(result.results.contains("\"kind\":\"cancelled\"") == (index > 0), "\(result.results)")
      let isWritten = (try? FileContents.read(page)) != nil
      #expect(isWritten == (index == 0))
      let sentence = String(cString: try Self.lastError())
      #expect(index == 0 || sentence.contains("cancelled"), "\(sentence)")
    }
  }

  @Test func runsCommands() throws {
    let inspected = try run(["inspect", Self.modelPath, "--json"])
    #expect(inspected.status == Self.ok && inspected.exit == 0 && inspected.results.hasPrefix("{"))
    let failed = try run(["inspect", "/absent.bin"])
    #expect(failed.status == Self.command && failed.exit == 1 && failed.results.isEmpty)
    #expect(failed.messages == "fixresc: error: /absent.bin: no such file or folder\n")
    #expect(
      String(cString: try Self.lastError())
        == "fixresc: error: /absent.bin: no such file or folder")
    #expect(try run(["wrong"]).exit == 2)
  }
}
