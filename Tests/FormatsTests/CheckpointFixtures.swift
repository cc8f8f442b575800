import FixresBase
import FixresFormats
import FixresIR
import TestSupport

/// The cases of Tests/Fixtures/formats/expected.json and how a checkpoint departs from one.
enum CheckpointFixtures {
  static let folder = TestData.fixture("formats/")

  static let cases: (good: [JSON], bad: [JSON]) = {
    guard let bytes = try? MappedFile.open(folder + "expected.json"), let json = try? JSON.parse(bytes) else {
      return ([], [])
    }
    return (json["good"]?.arrayValue ?? [], json["bad"]?.arrayValue ?? [])
  }()

  /// What is wrong with reading a file that must load; empty where nothing is.
  static func problems(good expected: JSON) -> [String] {
    let file = expected["file"]?.stringValue ?? ""
    let checkpoint: Checkpoint
    do { checkpoint = try Checkpoint.load(path: folder + file, key: expected["key"]?.stringValue) } catch {
      return ["\(error)"]
    }
    var problems: [String] = []
    func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
      if !condition { problems.append(problem()) }
    }
    expect(
      checkpoint.source.rawValue == expected["source"]?.stringValue, "source \(checkpoint.source.rawValue)")
    expect(checkpoint.wrapper == expected["wrapper"]?.stringValue, "wrapper \(checkpoint.wrapper ?? "nil")")
    let wanted = expected["tensors"]?.arrayValue ?? []
    let names = wanted.compactMap { $0["name"]?.stringValue }
    let found = checkpoint.tensors.map(\.name)
    let readable = checkpoint.tensors.filter { $0.elementType.isReadable }.map(\.name)
    if expected["only"] != nil {
      expect(readable == names, "readable \(readable)")
    } else if expected["anyOrder"] != nil {
      expect(found.sorted() == names.sorted(), "names \(found)")
    } else {
      expect(found == names, "names \(found)")
    }
    for tensor in wanted {
      guard let match = checkpoint.tensors.first(where: { $0.name == tensor["name"]?.stringValue }) else {
        continue
      }
      problems += self.problems(match, tensor)
    }
    let unreadable = Set(checkpoint.unreadable.keys).union(Set(found).subtracting(readable))
    let wantedUnreadable = (expected["unreadable"]?.arrayValue ?? []).compactMap(\.stringValue)
    expect(unreadable == Set(wantedUnreadable), "unreadable \(unreadable.sorted())")
    for name in (expected["ignored"]?.arrayValue ?? []).compactMap(\.stringValue) {
      expect(checkpoint.ignored.contains(name), "\(name) not among ignored \(checkpoint.ignored)")
    }
    for member in expected["metadata"]?.objectValue?.members ?? [] {
      expect(
        checkpoint.metadata[member.key] == member.value.stringValue, "metadata \(checkpoint.metadata)")
    }
    if let count = expected["notes"]?.integerValue {
      expect(checkpoint.notes.count == count, "notes \(checkpoint.notes)")
    }
    return problems
  }

  private static func problems(_ tensor: CheckpointTensor, _ expected: JSON) -> [String] {
    let shape = (expected["shape"]?.arrayValue ?? []).compactMap(\.integerValue)
    guard tensor.shape == shape else { return ["\(tensor.name) \(tensor.shape), not \(shape)"] }
    guard tensor.elementType.rawValue == expected["dtype"]?.stringValue else {
      return ["\(tensor.name) is \(tensor.elementType)"]
    }
    let values: [UInt32]
    do { values = try tensor.float32().floats.map(\.bitPattern) } catch { return ["\(error)"] }
    let bits = (expected["bits"]?.arrayValue ?? []).compactMap(\.integerValue).map { UInt32($0) }
    return values == bits ? [] : ["\(tensor.name) holds \(values.map { Float(bitPattern: $0) })"]
  }

  /// The case of `error`, what it holds besides text, and its sentence.
  private static func structure(of error: FormatError) -> String {
    let name =
      switch error {
      case .file: "file"
      case .notCheckpoint(_, let kind): "notCheckpoint \(kind)"
      case .malformed(let fault): "malformed \(fault.place) \(fault.expected) \(fault.found)"
      case .unsupported(_, let reason): "unsupported \(reason)"
      case .pickledModule: "pickledModule"
      case .noTensors(_, let entries): "noTensors \(entries)"
      case .keyNotFound(_, _, let available): "keyNotFound \(available)"
      case .severalNetworks: "severalNetworks"
      case .tooManyTensors: "tooManyTensors"
      case .unreadableTensor: "unreadableTensor"
      case .unreadableEvidence: "unreadableEvidence"
      case .architecture: "architecture"
      case .malformedJSON: "malformedJSON"
      case .model: "model"
      case .onnx: "onnx"
      }
    return "\(name) \(error)"
  }

  /// What is wrong with reading a file that must be refused; empty where nothing is.
  static func problems(bad expected: JSON) -> [String] {
    let file = expected["file"]?.stringValue ?? ""
    do {
      let checkpoint = try Checkpoint.load(path: folder + file, key: expected["key"]?.stringValue)
      return ["loaded with \(checkpoint.tensors.map(\.name)), ignored \(checkpoint.ignored)"]
    } catch {
      let text = structure(of: error)
      var problems: [String] = []
      let name = expected["error"]?.stringValue ?? "?"
      if !text.hasPrefix(name + " ") { problems.append(text) }
      if let mention = expected["mentions"]?.stringValue, !text.contains(mention) {
        problems.append("no \(mention) in \(text)")
      }
      return problems
    }
  }
}
