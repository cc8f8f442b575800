import FixresBase
import FixresFormats
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Heads, tails and input arithmetic as PyTorch's older exporter writes them, against torch at the size of the export and
/// at three others (Fixtures/onnx-forms).
@Suite struct OnnxFormsTests {
  /// A file, the scale of its pictures (0: normalised ones), and torch's logits at each size.
  struct Form: Sendable, CustomTestStringConvertible {
    let name: String
    let scale: Float
    let logits: [Int: [Float]]
    var testDescription: String { name }
    var path: String { TestData.fixture("onnx-forms/\(name).onnx") }
  }

  private static let forms: [Form] = {
    let path = TestData.fixture("onnx-forms/expected.json")
    guard let bytes = try? MappedFile.open(path), let json = try? JSON.parse(bytes) else { return [] }
    return (json.objectValue?.members ?? []).map { member in
      let object = member.value.objectValue
      var logits: [Int: [Float]] = [:]
      for size in object?["logits"]?.objectValue?.members ?? [] {
        logits[Int(size.key) ?? 0] = (size.value.arrayValue ?? []).compactMap {
          $0.doubleValue.map { Float($0) }
        }
      }
      return Form(name: member.key, scale: Float(object?["scale"]?.doubleValue ?? 0), logits: logits)
    }
  }()

  /// The picture of make.py.
  private static func picture(_ side: Int, scale: Float) -> [Float] {
    (0..<3 * side * side).map { index in
      let value = Float(sin(Double(index) * 0.37 + Double(index % 11) * 0.9))
      return scale == 0 ? value : (value * 0.5 + 0.5) * scale
    }
  }

  @Test func allFormsAreThere() {
    #expect(Self.forms.count == 31)
    #expect(Self.forms.allSatisfy { $0.logits.count == 4 && $0.logits.values.allSatisfy { !$0.isEmpty } })
  }

  @Test(arguments: forms) func logitsAreTorchsAtEverySize(form: Form) throws {
    let model = try Importer.load(path: form.path).model
    for (side, expected) in form.logits {
      let adapted = try Adapt.run(model, to: Extent(square: side)).model
      let input = Self.picture(side, scale: form.scale)
      let scale = expected.map(\.magnitude).max() ?? 0
      for instructionSet in InstructionSet.available {
        var options = SessionOptions(threads: 1)
        options.instructionSet = instructionSet
        let output = try Session(model: adapted, options: options).run(input)
        let found = output.logits.isEmpty ? output.features : output.logits
        #expect(found.count == expected.count)
        for (a, b) in zip(found, expected) {
          #expect(
            (a - b).magnitude <= 1e-5 * scale, "\(form.name) at \(side) on \(instructionSet): \(a), not \(b)")
        }
      }
    }
  }

  /// What is exported again reads back the same, at the old size and after folding and fusing.
  @Test(arguments: forms) func exportsReadBackEqual(form: Form) throws {
    let folder = try TemporaryFolder()
    let model = try Importer.load(path: form.path).model
    for (name, written) in [("plain", model), ("fused", try Adapt.run(model, to: Extent(square: 40)).model)] {
      let path = folder.path + "/\(name).onnx"
      _ = try OnnxExporter.write(written, to: path)
      let again = try Importer.load(path: path).model
      let input = Self.picture(written.graph.resolution.height, scale: form.scale)
      #expect(again.classCount == written.classCount)
      let (first, second) = (try Session(model: written).run(input), try Session(model: again).run(input))
      let (a, b) = (first.logits + first.features, second.logits + second.features)
      #expect(
        a.count == b.count && zip(a, b).allSatisfy { ($0 - $1).magnitude <= 1e-5 }, "\(form.name), \(name)")
      #expect(again.metadata.outputs == model.metadata.outputs)
      #expect(again.metadata.preprocessing == model.metadata.preprocessing)
    }
  }

  @Test(arguments: [
    ("silu", Op.silu(.init())), ("gelu", .gelu(.init(form: .erf))), ("gelu-tanh", .gelu(.init(form: .tanh))),
    ("mish", .mish(.init())), ("relu6", .clamp(.relu6)), ("leaky", .leakyRelu(.init(slope: 0.1))),
    ("hardswish", .hardSwish(.init())),
  ]) func activationsAreOneOperation(_ name: String, _ op: Op) throws {
    let graph = try Importer.load(path: TestData.fixture("onnx-forms/\(name).onnx")).model.graph
    let others = graph.nodes.map(\.op).filter { node in
      if case .elementwise = node.computation { node != op } else { false }
    }
    #expect(graph.nodes.count { $0.op == op } == 5 && others.isEmpty, "\(others)")
  }

  @Test(arguments: [
    ("tail-softmax", OutputMeaning.softmax), ("tail-log-softmax", .softmax), ("tail-sigmoid", .sigmoid),
    ("tail-argmax", .softmax), ("tail-topk", .softmax), ("tail-unsupported", .logits), ("pool-gem", .logits),
  ]) func theEndSaysWhatOutputsMean(_ name: String, _ meaning: OutputMeaning) throws {
    let metadata = try Importer.load(path: TestData.fixture("onnx-forms/\(name).onnx")).model.metadata
    #expect(metadata.outputs == meaning)
    let fact = try #require(metadata.facts.first { $0.name == "outputs" })
    #expect(fact.value == meaning.rawValue && fact.isAssumption == (meaning == .logits))
  }

  @Test func aTrunkEndsInItsFeatures() throws {
    let trunk = try Importer.load(path: TestData.fixture("onnx-forms/headless.onnx")).model
    #expect(trunk.classCount == 0 && trunk.graph.outputs.map(\.name) == [GraphOutput.features])
    let scores = try Importer.load(path: TestData.fixture("onnx-forms/scores-of-a-convolution.onnx")).model
    #expect(scores.classCount == 5 && scores.graph.output(GraphOutput.features) == nil)
    let neck = try Importer.load(path: TestData.fixture("onnx-forms/neck.onnx")).model
    let features = try #require(neck.graph.output(GraphOutput.features))
    #expect(neck.graph[features].type == .features(8))
  }

  @Test func anOutputThatCannotBeCompiledIsNamed() throws {
    let notes = try Importer.load(path: TestData.fixture("onnx-forms/tail-unsupported.onnx")).notes
    #expect(notes.contains { $0.contains("\"sums\" cannot be compiled") })
    #expect(notes.contains { $0.contains("\"scores\" was taken") })
  }

  @Test func anOutputMayBeStated() throws {
    var options = ImportOptions()
    options.graphOutput = "sums"
    #expect(throws: FormatError.self) {
      try Importer.load(path: TestData.fixture("onnx-forms/tail-unsupported.onnx"), options: options)
    }
    options.graphOutput = "classes"
    let stated = try Importer.load(path: TestData.fixture("onnx-forms/tail-argmax.onnx"), options: options)
    #expect(stated.model.metadata.outputs == .logits)
    #expect(stated.notes.contains { $0.contains("ArgMax") })
    options.graphOutput = "best"
    do {
      _ = try Importer.load(path: TestData.fixture("onnx-forms/tail-argmax.onnx"), options: options)
      Issue.record("an output that is not there was found")
    } catch {
      #expect("\(error)".contains("classes, probabilities"))
    }
  }

  /// Input arithmetic means that pictures are not normalised before it.
  @Test(arguments: [
    ("input-unit", Preprocessing.InputScale.unit, Preprocessing.ChannelOrder.rgb, true),
    ("input-byte", .byte, .rgb, false), ("input-caffe", .byte, .bgr, true),
    ("input-flipped", .byte, .rgb, true),
    ("input-norm", .byte, .rgb, false),
  ]) func picturesAreNotNormalisedTwice(
    _ name: String, scale: Preprocessing.InputScale, order: Preprocessing.ChannelOrder, saysOrder: Bool
  ) throws {
    let metadata = try Importer.load(path: TestData.fixture("onnx-forms/\(name).onnx")).model.metadata
    let preprocessing = metadata.preprocessing
    #expect(preprocessing.mean == [0, 0, 0] && preprocessing.standardDeviation == [1, 1, 1])
    #expect(preprocessing.inputScale == scale && preprocessing.channelOrder == order)
    func source(_ fact: String) -> Fact.Source? { metadata.facts.first { $0.name == fact }?.source }
    #expect(source("mean") == .program && source("input-scale") == .program)
    #expect((source("channel-order") == .program) == saysOrder)
  }

  @Test func otherNetworksTakeNormalisedPictures() throws {
    let metadata = try Importer.load(path: TestData.fixture("onnx-forms/silu.onnx")).model.metadata
    #expect(metadata.preprocessing.mean == Preprocessing.imageNet.mean)
    #expect(metadata.facts.first { $0.name == "mean" }?.isAssumption == true)
  }
}
