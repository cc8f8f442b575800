import FixresBase

extension Tuning {
  /// Version of the section's layout; a reader passes over a later one, as tuning changes no result.
  package static let version = 1
  package static let longestText = 512

  /// The `TUNE` section.
  package static func json(_ tunings: [Tuning]) -> JSON {
    ["version": JSON(version), "tunings": .array(tunings.map(\.json))]
  }

  private var json: JSON {
    [
      "processor": .string(processor), "instruction_set": .string(instructionSet),
      "choices": .array(choices.map { ["layer": .string($0.layer), "kernel": .string($0.kernel)] }),
    ]
  }

  /// Reads what `json(_:)` wrote for a model of `graph`; whether a choice fits its layer is the runtime's to say.
  package static func read(_ bytes: Bytes, for graph: Graph) throws(IRError) -> [Tuning] {
    let root: JSON
    do { root = try JSON.parse(bytes) } catch { throw .modelFile(section: "TUNE", .json(error)) }
    guard let version = root["version"]?.integerValue, version > 0 else {
      throw fault("version", "a positive integer")
    }
    guard version <= Self.version else { return [] }
    guard let list = root["tunings"]?.arrayValue else { throw fault("tunings", "a list") }
    let layers = Set(
      graph.nodes.compactMap { node in
        if case .conv2d = node.op { UTF8Key(graph[node.result].name) } else { nil }
      })
    var tunings: [Tuning] = []
    for element in list {
      let tuning = try Tuning(element, layers)
      let isKnown = tunings.contains {
        $0.processor == tuning.processor && $0.instructionSet == tuning.instructionSet
      }
      guard !isKnown else { throw fault("tunings", "each processor and instruction set once") }
      tunings.append(tuning)
    }
    return tunings
  }

  private init(_ json: JSON, _ layers: Set<UTF8Key>) throws(IRError) {
    func text(_ json: JSON, _ key: String) throws(IRError) -> String {
      guard let text = json[key]?.stringValue, text.utf8.count <= Tuning.longestText else {
        throw Tuning.fault(key, "a string of at most \(Tuning.longestText) bytes")
      }
      return text
    }
    self.init(
      processor: try text(json, "processor"), instructionSet: try text(json, "instruction_set"), choices: [])
    guard let list = json["choices"]?.arrayValue, list.count <= layers.count else {
      throw Tuning.fault("choices", "a list of at most one choice a convolution (\(layers.count))")
    }
    var seen: Set<UTF8Key> = []
    for element in list {
      guard let layer = element["layer"]?.stringValue, layers.contains(UTF8Key(layer)),
        seen.insert(UTF8Key(layer)).inserted
      else { throw Tuning.fault("layer", "the name of a convolution, each at most once") }
      choices.append(Choice(layer: layer, kernel: try text(element, "kernel")))
    }
  }

  private static func fault(_ key: String, _ expected: String) -> IRError {
    .modelFile(section: "TUNE", .metadata(key: key, expected: expected))
  }
}
