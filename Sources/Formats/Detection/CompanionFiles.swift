import FixresBase

/// The files that are read with a model because they lie in its folder.
package enum CompanionFiles {
  /// Largest index that is looked into; those of a thousand shards take less than 1 MB.
  private static let maximumIndexByteCount = 1 << 26

  /// Paths of the files that reading `path` reads as well: configuration, shards of an index, external data of
  /// an ONNX model. Some of them may not exist; a file that cannot be read has only its configuration.
  package static func paths(of path: String) -> [String] {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
    var names = ["config.json", "preprocessor_config.json"]
    if let file = try? SourceFile.open(path) {
      switch file.kind {
      case .json: names += shards(file.bytes)
      case .onnx: names += (try? externalData(file)) ?? []
      default: break
      }
    }
    return names.map { folder + $0 }
  }

  private static func shards(_ bytes: Bytes) -> [String] {
    guard bytes.count <= maximumIndexByteCount, let json = try? JSON.parse(bytes),
      let map = json["weight_map"]?.objectValue
    else { return [] }
    return Array(Set(map.members.compactMap(\.value.stringValue)))
  }

  /// Field numbers of onnx.proto3.
  private enum Field {
    static let graph = 7
    static let (node, initializer) = (1, 5)
    static let attribute = 5
    static let (tensor, tensors) = (5, 10)
    static let externalData = 13
    static let (key, value) = (1, 2)
  }

  private static func externalData(_ file: SourceFile) throws(FormatError) -> [String] {
    let context = FaultContext(path: file.path, format: .onnx)
    var names: Set<String> = []
    for graph in try messages(file.bytes, [Field.graph], context) {
      var tensors = try messages(graph, [Field.initializer], context)
      for node in try messages(graph, [Field.node], context) {
        for attribute in try messages(node, [Field.attribute], context) {
          tensors += try messages(attribute, [Field.tensor, Field.tensors], context)
        }
      }
      for tensor in tensors {
        for entry in try messages(tensor, [Field.externalData], context)
        where try messages(entry, [Field.key], context).first?.array == Array("location".utf8) {
          for value in try messages(entry, [Field.value], context) {
            names.insert(String(decoding: value.array, as: UTF8.self))
          }
        }
      }
    }
    return Array(names)
  }

  private static func messages(
    _ bytes: Bytes, _ numbers: Set<Int>, _ context: FaultContext
  ) throws(FormatError) -> [Bytes] {
    var reader = ProtobufReader(bytes, context)
    var found: [Bytes] = []
    while let field = try reader.next() {
      if numbers.contains(field.number), case .bytes(let part) = field.payload { found.append(part) }
    }
    return found
  }
}
