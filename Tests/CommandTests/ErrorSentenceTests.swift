import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// Every error of the library has the sentence that the command line prints.
@Suite struct ErrorSentenceTests {
  /// Values of an error type, one for each case, and where the type stands.
  private struct Sample: CustomTestStringConvertible {
    let type: String
    let file: String
    let values: [any ReportedError]
    var testDescription: String { type }

    init<E: ReportedError>(_ file: String, _ values: [E]) {
      (type, self.file, self.values) = (String(describing: E.self), "Sources/" + file, values)
    }
  }

  /// A name as only an attacker gives it: of several lines, with escapes, and longer than any sentence.
  private static let name = "a\n\u{1B}[2Jb\u{202E}" + String(repeating: "long ", count: 400)
  private static let path = "some/\(name).pth"
  private static let size = Extent(224, 320)
  private static let type = TensorType(batched: true, [3, 4, 5])
  private static let fault = TypeFault.emptyResult(type)
  private static let image = ImageError.truncated(.jpeg, offset: 3, expected: 2, found: 1)
  private static let ir = IRError.duplicateName(name)

  private static let samples = [
    Sample(
      "Base/System/FileError.swift",
      [
        FileError.notFound(path: path), .danglingLink(path: path, target: name), .isDirectory(path: path),
        .isNotDirectory(path: path), .notRegular(path: path), .permissionDenied(path: path),
        .changedWhileRead(path: path), .tooLarge(path: path, byteCount: 3, limit: 2),
        .outOfMemory(path: path, needed: 3, available: 2), .cancelled(path: path),
        .system(path: path, call: "read", errno: 5),
      ]),
    Sample(
      "Base/Memory/Bytes.swift",
      [ReadError.truncated(offset: 1, expected: 2, found: 1), .overflow(offset: 2, what: "a size")]),
    Sample(
      "Base/Npy/Npy.swift",
      [
        NpyError.notNpy, .unsupportedVersion(major: 4, minor: 0), .truncated(expected: 2, found: 1),
        .trailingBytes(expected: 2, found: 3), .malformedHeader(offset: 3, expected: "a comma"),
        .unsupportedType(name), .shapeOverflow([1 << 40, 1 << 40]), .outOfMemory(needed: 3, available: 2),
      ]),
    Sample(
      "Base/JSON/JSONTokenizer.swift",
      [
        JSONError.Reason.truncated, .unexpected(byte: 3, expected: "a digit"), .trailingBytes, .invalidUTF8,
        .invalidEscape, .loneSurrogate, .controlCharacter, .numberOutOfRange, .tooDeep(limit: 3),
        .duplicateKey(name),
      ].map { JSONError(offset: 7, reason: $0) }),
    Sample(
      "IR/Ops/OpDefinition.swift",
      [
        TypeFault.operandCount(expected: 1, found: 2),
        .operandShape(operand: .data, expected: "f32[N,C]", found: type),
        .kernelLargerThanInput(kernel: size, paddedInput: size), .channels(expected: 3, found: 1),
        .mismatch(type, type), .attribute(name: "groups", found: 0), .emptyResult(type), .tooLarge(type),
      ]),
    Sample(
      "IR/Graph/IRError.swift",
      [
        ModelFileFault.notAModelFile, .truncated(expectedByteCount: 2, foundByteCount: 1),
        .newerVersion(found: 9, supported: 2), .checksum(expected: 1, found: 2),
        .outOfRange(offset: 1, byteCount: 2, fileByteCount: 3), .overlap(with: name), .duplicate, .missing,
        .misaligned(offset: 3), .unknownRequired, .byteCount(expected: 3, found: 2), .notUTF8,
        .json(JSONError(offset: 1, reason: .truncated)), .metadata(key: name, expected: "a number"),
      ]),
    Sample(
      "IR/Graph/IRError.swift",
      [
        IRError.illTyped(node: name, fault: fault), .duplicateName(name), .unknownValue(name),
        .syntax(line: 3, expected: "a name", found: name), .unverified([]), .missingConstant(name),
        .tooMany(.nodes, maximum: 3),
        .constantShape(name: name, expected: [1], found: [2]), .resolution(requested: size, maximum: 32768),
        .modelFile(section: "GRPH", .missing), .file(.notFound(path: path)),
      ]),
    Sample(
      "Imaging/Pixels/ImageError.swift",
      [
        ImageError.file(.notFound(path: path)),
        .reported(kind: "image.truncated", sentence: name, formatWithoutDecoder: nil),
        .unknownFormat(firstBytes: [1, 2]), .otherFormat(name: "GIF"),
        image, .malformed(.png, offset: 3, expected: "a chunk", found: name),
        .unsupported(.jpeg, offset: 3, feature: "arithmetic coding"),
        .checksum(.png, offset: 8, part: "IHDR", expected: 1, found: 2),
        .tooManyPixels(width: 9, height: 9, limit: 3), .outOfMemory(byteCount: 4),
        .preprocessing(expected: "a mean", found: "none"),
        .inputMemory(expected: "a width of at least 1", found: "0x3"), .noClasses(path: path),
        .emptyClass(path: path),
        .tooManyFolders(path: path, limit: 5),
      ]),
    Sample(
      "Passes/PassError.swift",
      [
        PassError.unknownPass(name: name, known: ["fold-constants"]), .repeatedPass(name: "adapt"),
        .order(earlier: "a", later: "b", reason: "c"), .resolutionWithoutRetarget(requested: size),
        .resolution(requested: size, maximum: 32768),
        .headTiedToMap(
          layer: name, requested: size, map: size, newMap: size, features: 1, newFeatures: 2),
        .poolTiedToMap(layer: name, map: size, newMap: size, requested: size),
        .headReadsPart(layer: name, map: size, requested: size),
        .kernelLargerThanInput(layer: name, kernel: size, paddedInput: size, requested: size),
        .layerDoesNotFit(layer: name, fault, requested: size),
        .variance(tensor: name, channel: 3, value: -1, epsilon: 1e-5),
        .nonFiniteParameter(tensor: name, layer: name, count: 1),
        .foldedToNonFinite(tensor: name, layer: name, count: 2, sourceIsFinite: true),
        .batchNormFolded(convolutions: 3), .outOfMemory(byteCount: 5), .broken(pass: "adapt", ir),
      ]),
    Sample(
      "Runtime/RuntimeError.swift",
      [
        RuntimeError.model(ir), .missingOutput(name: "logits"),
        .unsupported(value: name, operation: "softmax", reason: "of its axis"),
        .inputSize(batch: 1, shape: [3], expected: 3, found: 2),
        .outputSize(name: "logits", expected: 3, found: 2), .planTooLarge(needed: 3, available: 2),
        .forkedDuringRun, .cancelled, .packedWeights(name: name, layout: name),
        .unknownInstructionSet(found: name, known: ["avx2"]),
        .instructionSetUnavailable(name: "avx512", missing: "avx512f"),
        .unsoundPlan(PlanFault(.layout, layer: name, memory: name)),
        .derivedConstantsTooLarge(value: name, needed: 3, limit: 2), .unknownValue(name),
      ]),
    Sample(
      "Runtime/Classifier/Classification.swift",
      [
        ClassifierError.runtime(.missingOutput(name: "logits")), .image(image), .notFinite, .cancelled,
      ]),
    Sample(
      "Formats/Errors/ArchitectureError.swift",
      [
        ArchitectureError.notAResNet(found: [name, name], tensorCount: 2),
        .missingTensor(name: name, expected: ShapePattern([nil, 3])),
        .misshapenTensor(name: name, expected: ShapePattern([nil, 3]), found: [1]),
        .unexpectedTensor(name: name, found: [1], ignore: [name]), .duplicateTensor(name: name, other: name),
        .unsupported(feature: "attention", evidence: name),
        .mismatch(what: name, requested: name, found: name, source: "--arch"),
        .unknownArchitecture(name: name, known: ["resnet50"]),
        .invalidConfiguration(path: path, key: name, expected: "a number", found: name),
        .invalidOption(name: "--labels", expected: "a file", found: name),
        .unknownFact(name: name, known: ["activation"]),
        .invalidFact(name: "activation", value: name, forms: ["relu"]),
        .notFinite(name: name, index: 3, value: "nan"), .negativeVariance(name: name, index: 1, value: -1),
        .labelCount(path: path, expected: 10, found: 9), .nothingToOverlay(path: path, found: [name]),
      ]),
    Sample(
      "Formats/Errors/FormatError.swift",
      [
        FormatError.file(.notFound(path: path)), .notCheckpoint(path: path, kind: .html),
        .malformed(
          FormatFault(path: path, format: .zip, place: .member(name), expected: "a name", found: name)),
        .unsupported(path: path, .torchScript), .pickledModule(path: path, className: name),
        .noTensors(path: path, entries: [name]), .keyNotFound(path: path, key: name, available: [name]),
        .severalNetworks(path: path, count: 2, places: [NetworkPlace(key: name, blocks: [2, 2])]),
        .tooManyTensors(path: path, count: 3, limit: 2),
        .unreadableTensor(name: name, reason: .opaque(constructor: name)),
        .unreadableEvidence(path: path, name: name, reason: .expanded(elementCount: 3, storedCount: 1)),
        .unreadableTensor(name: name, reason: .outOfMemory(needed: 3, available: 2)),
        .architecture(path: path, .duplicateTensor(name: name, other: name)),
        .malformedJSON(path: path, JSONError(offset: 1, reason: .truncated)), .model(path: path, ir),
        .onnx(
          path: path, OnnxFault(.node(name: name, op: name), expected: "one", found: name)),
      ]),
    Sample(
      "Method/Errors/ClassTableFault.swift",
      [
        ClassTableFault.notText, .otherJSON, .noPairs(entries: 1, classes: 2), .missing([name]),
        .ambiguous(folder: name, first: 1, second: 2),
      ]),
    Sample(
      "Method/Errors/EvaluationError.swift",
      [
        EvaluationError.otherClasses(folders: 3, classes: 2),
        .unknownFolders([name], ambiguous: [], folders: 1, classes: 2, names: ["tench"]),
        .numberedFolders(3, classes: 3), .notANumber(folder: name, classes: 3),
        .sameClass(name, name, index: 1), .subsetWithoutNames(classes: 2),
        .table(path: path, .notText), .unlabelled(path: path),
        .classesOfAnotherModel(path: path, expected: 10, found: 2), .noLogits,
        .nothingDecoded(count: 2, first: path, image),
      ]),
    Sample(
      "Method/Errors/TrainingStateFault.swift",
      [
        TrainingStateFault.notAState, .newerVersion(found: 3, known: 2), .damaged(at: 3),
        .otherTraining(setting: "epochs", state: "3", now: "4"),
      ]),
    Sample(
      "Method/Errors/ReferenceFault.swift",
      [
        ReferenceFault.file(.notFound(path: path)), .npy(path: path, .notNpy),
        .json(path: path, JSONError(offset: 1, reason: .truncated)), .picture(path: path, image),
        .inputShape(path: path, found: [1]), .channelsLast(path: path, found: [1, 2, 2, 3]),
        .channels(path: path, expected: 3, found: 1), .outputs(path: path),
        .outputShape(path: path, inputs: 2, found: [1]), .classes(path: path, expected: 10, found: 2),
        .notFinite(path: path), .uninformative(path: path), .tooLarge(path: path, shape: [1]),
        .misfit(ReferenceMisfit(name: name, difference: 1, tolerance: 0.1)),
        .ambiguous(name: name, fits: [name, name]),
      ]),
    Sample(
      "Method/Errors/WorkerFault.swift",
      [
        WorkerFault.notComputed, .task(path: path, expected: "the description"), .record(offset: 3),
        .kernels(expected: name, found: name), .missing(sample: 2, count: 3), .twice(sample: 1),
        .file(.notFound(path: path)),
      ]),
    Sample(
      "Method/Errors/MethodError.swift",
      [
        MethodError.noClassifier(layer: name), .noFeatures, .noBatchNorm, .unusualTail(layer: name),
        .tooManyFailures(failed: 2, pictures: 3, first: path, image),
        .failuresInSuccession(count: 2, done: 1, pictures: 3, first: path, image),
        .notFinite(input: path, .constant(name: name, index: 1, layer: name)), .noPictures(path: path),
        .unknownTrainResolution, .sigmoidOutputs(logits: 3), .testPoolNeedsLarger(train: size, test: size),
        .noBias(layer: name), .noFrechetFit(resolution: size), .cache(path: path, byteCount: 3, errno: 12),
        .state(path: path, .notAState), .needsValidation(option: "--budget"),
        .schedule(name: "epochs", expected: "0 or more", found: "-1"),
        .proofFailed(difference: 1, limit: 0.1),
        .passFailed(pass: "adapt", layer: name, resolution: size, difference: 1, limit: 0.1),
        .headProofFailed(resolution: size, difference: 1), .inputTooLarge(batch: 2, shape: [3]),
        .differentInputs(name, name), .noCommonLayers,
        .checkpoint(CheckpointError(.pickledModule(path: path, className: "Net"))),
        .reference(.notFinite(path: path)),
        .workers(.notComputed),
        .pass(.repeatedPass(name: name)), .runtime(.missingOutput(name: name)), .image(image), .model(ir),
        .evaluation(.noLogits), .file(.isDirectory(path: path)),
      ]),
  ]

  @Test(arguments: samples) private func everyCaseHasASentence(_ sample: Sample) {
    for error in sample.values {
      let sentence = error.description
      let label = Mirror(reflecting: error).children.first?.label ?? "a case"
      #expect(!sentence.isEmpty && sentence.utf8.count <= 500, "\(label): \(sentence.utf8.count) bytes")
      #expect(error.report.kind != "unknown" && !sentence.contains("Fixres"), "\(label): \(sentence)")
      #expect(!sentence.contains("Error.") && !sentence.hasPrefix(label + "("), "\(label): \(sentence)")
      #expect(Text.printable(sentence) == sentence, "\(label)")
      // What the command line prints, as a program and as people read it.
      #expect(ErrorReport(error).json["message"] == .string(sentence), "\(label)")
      let line = ErrorReport(error).line(limit: Console.errorLineLimit - 20)
      let beginning = sentence.unicodeScalars.prefix { $0 != "." }
      #expect(line.unicodeScalars.starts(with: beginning.prefix(100)) || line.contains("..."), "\(label)")
    }
  }

  /// A case that this suite has no value of would have no test.
  @Test(arguments: samples) private func noCaseIsLeftOut(_ sample: Sample) throws {
    let source = String(
      decoding: try MappedFile.open(TestData.root + "/" + sample.file).array, as: UTF8.self)
    let name = sample.type == "JSONError" ? "Reason" : sample.type
    let (plain, labelled) = try Self.cases(of: name, in: source)
    let values = sample.values.map { ($0 as? JSONError)?.reason ?? $0 as Any }
    let labels = values.map { Mirror(reflecting: $0).children.first?.label }
    #expect(Set(labels.compactMap { $0 }) == labelled)
    #expect(labels.count { $0 == nil } == plain)
    #expect(Set(sample.values.map { $0.report.message }).count == sample.values.count)
  }

  /// The number of cases without values, and the names of those with some, of the enum `name`.
  private static func cases(of name: String, in source: String) throws -> (plain: Int, labelled: Set<String>)
  {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.contains("enum \(name):") })
    let indent = lines[start].prefix { $0 == " " }
    let end = try #require(lines[start...].firstIndex { $0 == indent + "}" })
    var (plain, labelled) = (0, Set<String>())
    for line in lines[start..<end] where line.hasPrefix(indent + "  case ") {
      let words = line.dropFirst(indent.count + 7)
      if let parenthesis = words.firstIndex(of: "(") {
        labelled.insert(String(words[..<parenthesis]))
      } else {
        plain += words.split(separator: ",").count
      }
    }
    return (plain, labelled)
  }

  /// Public error types of the sources are those of this suite, and two that are structures.
  @Test func noTypeIsLeftOut() throws {
    var found: Set<String> = []
    func visit(_ folder: String) throws {
      for name in TestData.names(in: folder) {
        if !name.contains(".") { try visit(folder + "/" + name) }
        guard name.hasSuffix("+Report.swift"), !folder.contains("/fixresc/") else { continue }
        let text = String(decoding: try MappedFile.open(folder + "/" + name).array, as: UTF8.self)
        for line in text.split(separator: "\n") where line.contains(": ReportedError {") {
          found.insert(String(line.dropFirst("extension ".count).prefix { $0 != ":" }))
        }
      }
    }
    try visit(TestData.root + "/Sources")
    let tested = Set(Self.samples.map(\.type))
    #expect(found.subtracting(tested) == ["Verifier.Fault", "PlanFault", "SafeTensorsExporter.Refusal"])
    #expect(tested.subtracting(found) == [])
  }

  @Test func faultsThatAreStructuresHaveSentences() throws {
    #expect(
      "\(PlanFault(.valueLost, layer: "fc", memory: "pool"))"
        == "the plan for this graph is refused, a fault of fixresc: a value is read after its memory was written again "
        + "(%pool at byte 0, layer %fc by no kernel)")
    let graph = try GraphParser.parse("graph @g {\n  input %x: f32[N,3,4,4]\n}\n")
    let fault = try #require(Verifier.faults(in: graph).first)
    #expect(IRError.unverified([fault]).description.hasPrefix("the graph does not verify: \(fault)"))
    let refusal = SafeTensorsExporter.Refusal.folded(convolutions: 2)
    #expect(refusal.description.hasPrefix("expected batch norms as they were trained, found 2 convolutions"))
  }

  @Test func theCommandLinePrintsTheSentence() throws {
    let missing = TestData.root + "/no-such-model.bin"
    let picture = TestData.root + "/Package.swift"
    let model = TestData.root + "/Models/resnet18w32-imagenette-r112.bin"
    let thrown: (any Error)? = #expect(throws: IRError.self) { try ModelFile.open(missing) }
    #expect(
      Call("inspect", missing, "--json").json["error"]?["message"]?.stringValue == thrown.map { "\($0)" })
    #expect(Call("inspect", missing).error == thrown.map { "fixresc: error: \($0)\n" })
    let refused: (any Error)? = #expect(throws: ImageError.self) {
      try PictureDecoder.decode(MappedFile.open(picture))
    }
    let message = Call("run", model, picture, "--json").json["error"]?["message"]?.stringValue
    #expect(message == refused.map { picture + ": \($0)" })
  }
}
