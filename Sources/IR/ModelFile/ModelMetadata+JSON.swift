import FixresBase

extension ModelMetadata {
  /// The metadata as the model file and `inspect` show it; `testResolution` is the graph's own and is not read back.
  package func json(testResolution: Extent) -> JSON {
    var object = JSON.Object()
    object["architecture"] = .string(architecture)
    object["train_resolution"] = trainResolution.map(Self.json) ?? .null
    object["test_resolution"] = Self.json(testResolution)
    object["preprocessing"] = .object(preprocessing.json)
    object["labels"] = .array(labels.map(JSON.string))
    object["synsets"] = .array(synsets.map(JSON.string))
    object["source"] = .string(source)
    object["assumptions"] = .array(assumptions.map(JSON.string))
    if !facts.isEmpty { object["facts"] = .array(facts.map(\.json)) }
    if outputs != .logits { object["outputs"] = .string(outputs.rawValue) }
    if let verified { object["verified"] = verified.json }
    object["history"] = .array(history.map(\.json))
    return .object(object)
  }

  /// Reads what `json(testResolution:)` wrote; unknown keys are passed over.
  package init(json bytes: Bytes) throws(IRError) {
    let root: JSON
    do { root = try JSON.parse(bytes) } catch { throw .modelFile(section: "META", .json(error)) }
    let reader = MetadataReader(root: root)
    self.init(
      architecture: try reader.string("architecture"),
      trainResolution: try reader.extent("train_resolution"),
      preprocessing: try Preprocessing(reader.member("preprocessing")),
      labels: try reader.strings("labels"), synsets: try reader.strings("synsets"),
      source: try reader.string("source"), assumptions: try reader.strings("assumptions"),
      history: try reader.history("history"))
    // Written only where there is something to say; files of earlier releases have none.
    if root["facts"] != nil { facts = try reader.facts("facts") }
    if root["outputs"] != nil { outputs = try reader.word("outputs") }
    if root["verified"] != nil { verified = try reader.verification("verified") }
  }

  private static func json(_ extent: Extent) -> JSON {
    .array([.integer(Int64(extent.height)), .integer(Int64(extent.width))])
  }
}

extension HistoryEntry {
  /// `{"action": ..., "parameters": {...}}`
  package var json: JSON {
    var values = JSON.Object()
    for parameter in parameters { values[parameter.name] = .string(parameter.value) }
    var object = JSON.Object()
    object["action"] = .string(action)
    object["parameters"] = .object(values)
    return .object(object)
  }
}

extension Fact {
  /// `{"name": ..., "value": ..., "source": ..., "option": ...}`
  package var json: JSON {
    var object = JSON.Object()
    object["name"] = .string(name)
    object["value"] = .string(value)
    object["source"] = .string(source.rawValue)
    object["option"] = option.map(JSON.string) ?? .null
    return .object(object)
  }

  fileprivate init?(_ json: JSON) {
    guard let name = json["name"]?.stringValue, let value = json["value"]?.stringValue,
      let source = json["source"]?.stringValue.flatMap(Source.init(rawValue:))
    else { return nil }
    self.init(name, value, from: source, option: json["option"]?.stringValue)
  }
}

extension Verification {
  /// `{"references": ..., "max_difference": ...}`
  package var json: JSON {
    ["references": JSON(references), "max_difference": JSON(maximumDifference)]
  }
}

extension Preprocessing {
  /// Members beyond those of the first release are written only where they say something else than it does.
  var json: JSON.Object {
    var object = JSON.Object()
    object["resize_rule"] = .string(resizeRule.rawValue)
    object["interpolation"] = .string(interpolation.rawValue)
    object["crop_share"] = .number(cropShare)
    if case .sides(let crop, let resized) = cropRatio {
      object["resize_sides"] = .array([.integer(Int64(crop)), .integer(Int64(resized))])
    }
    if let testCrop {
      object["test_crop"] = [
        "size": .array([.integer(Int64(testCrop.size.height)), .integer(Int64(testCrop.size.width))]),
        "share": .number(testCrop.share),
      ]
    }
    if cropRounding != .halfToEven { object["crop_rounding"] = .string(cropRounding.rawValue) }
    object["squash_from"] = squashFrom.map { .integer(Int64($0)) } ?? .null
    if channelOrder != .rgb { object["channel_order"] = .string(channelOrder.rawValue) }
    if inputScale != .unit { object["input_scale"] = .integer(Int64(inputScale.rawValue)) }
    // Float to Double is exact, and the shortest digits of the Float would read as another Double.
    object["mean"] = .array(mean.map { .number(Double($0)) })
    object["std"] = .array(standardDeviation.map { .number(Double($0)) })
    return object
  }

  /// Reads what `json` gives; `section` is the one at fault.
  init(json: JSON, section: String) throws(IRError) {
    do {
      try self.init(MetadataReader(root: json))
    } catch {
      guard case .modelFile(_, let fault) = error else { throw error }
      throw .modelFile(section: section, fault)
    }
  }

  fileprivate init(_ reader: MetadataReader) throws(IRError) {
    self.init(
      resizeRule: try reader.word("resize_rule"), interpolation: try reader.word("interpolation"),
      cropShare: try reader.share("crop_share"), squashFrom: try reader.optionalInteger("squash_from"),
      mean: try reader.channels("mean", positive: false),
      standardDeviation: try reader.channels("std", positive: true))
    guard mean.count == standardDeviation.count else {
      throw .modelFile(section: "META", .metadata(key: "std", expected: "\(mean.count) numbers, as in mean"))
    }
    if reader.has("resize_sides") {
      let sides = try reader.sides("resize_sides")
      cropRatio = .sides(crop: sides.height, resized: sides.width)
    }
    if reader.has("test_crop") {
      let crop = try reader.member("test_crop")
      testCrop = TestCrop(size: try crop.sides("size"), share: try crop.share("share"))
    }
    if reader.has("crop_rounding") { cropRounding = try reader.word("crop_rounding") }
    if reader.has("channel_order") { channelOrder = try reader.word("channel_order") }
    if reader.has("input_scale") { inputScale = try reader.inputScale("input_scale") }
  }
}

/// Reads the members of one JSON object of the metadata, and names the key that is wrong.
private struct MetadataReader {
  let root: JSON

  func member(_ key: String) throws(IRError) -> MetadataReader {
    MetadataReader(root: try value(key, "an object") { $0.objectValue.map(JSON.object) })
  }

  func string(_ key: String) throws(IRError) -> String {
    try value(key, "a string") { $0.stringValue }
  }

  func strings(_ key: String) throws(IRError) -> [String] {
    try value(key, "a list of strings") { json in
      guard let list = json.arrayValue else { return nil }
      let strings = list.compactMap(\.stringValue)
      return strings.count == list.count ? strings : nil
    }
  }

  func extent(_ key: String) throws(IRError) -> Extent? {
    try value(key, "two sides from 1 to 32768, or null") { json -> Extent?? in
      if json == .null { return .some(nil) }
      guard let height = json[0]?.integerValue, let width = json[1]?.integerValue,
        json.arrayValue?.count == 2, (1...32768).contains(height), (1...32768).contains(width)
      else { return nil }
      return Extent(height, width)
    }
  }

  func word<T: RawRepresentable & CaseIterable>(_ key: String) throws(IRError) -> T
  where T.RawValue == String {
    let known = T.allCases.map(\.rawValue).joined(separator: ", ")
    return try value(key, "one of \(known)") { $0.stringValue.flatMap(T.init(rawValue:)) }
  }

  func share(_ key: String) throws(IRError) -> Double {
    try value(key, "a number above 0 and at most 1") { json in
      json.doubleValue.flatMap { $0 >= 1.0 / 1024 && $0 <= 1 ? $0 : nil }
    }
  }

  func optionalInteger(_ key: String) throws(IRError) -> Int? {
    try value(key, "a positive integer or null") { json -> Int?? in
      if json == .null { return .some(nil) }
      return json.integerValue.flatMap { $0 > 0 ? .some($0) : nil }
    }
  }

  /// True where the member is present.
  func has(_ key: String) -> Bool { root[key] != nil }

  /// Two positive sides.
  func sides(_ key: String) throws(IRError) -> Extent {
    try value(key, "two sides from 1 to 32768") { json in
      guard let first = json[0]?.integerValue, let second = json[1]?.integerValue,
        json.arrayValue?.count == 2, (1...32768).contains(first), (1...32768).contains(second)
      else { return nil }
      return Extent(first, second)
    }
  }

  func inputScale(_ key: String) throws(IRError) -> Preprocessing.InputScale {
    try value(key, "1 or 255") { $0.integerValue.flatMap { Preprocessing.InputScale(rawValue: $0) } }
  }

  /// A number for each of 1, 3 or 4 channels.
  func channels(_ key: String, positive: Bool) throws(IRError) -> [Float] {
    try value(key, "1, 3 or 4 numbers" + (positive ? " above 0" : "")) { json in
      guard let list = json.arrayValue, [1, 3, 4].contains(list.count) else { return nil }
      let floats = list.compactMap { $0.doubleValue.map(Float.init) }
      let isFit = floats.count == list.count && floats.allSatisfy { $0.isFinite && (!positive || $0 > 0) }
      return isFit ? floats : nil
    }
  }

  func facts(_ key: String) throws(IRError) -> [Fact] {
    try value(key, "a list of {name, value, source, option}") { json in
      guard let list = json.arrayValue else { return nil }
      let facts = list.compactMap(Fact.init)
      return facts.count == list.count ? facts : nil
    }
  }

  func verification(_ key: String) throws(IRError) -> Verification {
    try value(key, "{references, max_difference}, numbers of 0 or more") { json in
      guard let count = json["references"]?.integerValue, count >= 0,
        let difference = json["max_difference"]?.doubleValue, difference >= 0
      else { return nil }
      return Verification(references: count, maximumDifference: difference)
    }
  }

  func history(_ key: String) throws(IRError) -> [HistoryEntry] {
    try value(key, "a list of {action, parameters}") { json in
      guard let list = json.arrayValue else { return nil }
      let entries = list.compactMap { entry -> HistoryEntry? in
        guard let action = entry["action"]?.stringValue,
          let parameters = entry["parameters"]?.objectValue
        else { return nil }
        return HistoryEntry(
          action, parameters.members.map { .init($0.key, $0.value.stringValue ?? $0.value.serialized()) })
      }
      return entries.count == list.count ? entries : nil
    }
  }

  private func value<T>(_ key: String, _ expected: String, _ read: (JSON) -> T?) throws(IRError) -> T {
    guard let member = root[key], let value = read(member) else {
      throw .modelFile(section: "META", .metadata(key: key, expected: expected))
    }
    return value
  }
}
