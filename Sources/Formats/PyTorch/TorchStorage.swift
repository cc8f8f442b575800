import FixresBase

/// A reference to a storage, the persistent id `('storage', class, key, location, numel[, view])`.
struct TorchStorageID: Sendable {
  /// Its key in the file.
  var key: String
  /// Nil for `UntypedStorage`, which counts bytes.
  var elementType: ElementType?
  /// Elements of the whole storage.
  var count: Int
  /// The part of the storage that the legacy form refers to, in elements; nil for all of it.
  var view: (offset: Int, count: Int)?

  /// Bytes of the whole storage; nil where the product overflows.
  var byteCount: Int? { count.multipliedChecked(elementType?.byteCount ?? 1) }

  /// The element type of a storage class: `.some(nil)` for the untyped one, nil for other classes.
  static func elementType(ofClass name: String) -> ElementType?? {
    let modules = ["torch.", "torch.cuda.", "torch.storage."]
    guard let module = modules.last(where: { name.hasPrefix($0) }) else { return nil }
    switch name.dropFirst(module.utf8.count) {
    case "FloatStorage": return .some(.float32)
    case "HalfStorage": return .some(.float16)
    case "BFloat16Storage": return .some(.bfloat16)
    case "DoubleStorage": return .some(.float64)
    case "LongStorage": return .some(.int64)
    case "IntStorage": return .some(.int32)
    case "ShortStorage": return .some(.int16)
    case "CharStorage": return .some(.int8)
    case "ByteStorage": return .some(.uint8)
    case "BoolStorage": return .some(.bool)
    case "ComplexFloatStorage": return .some(.complex64)
    case "ComplexDoubleStorage": return .some(.complex128)
    case "QInt8Storage": return .some(.qint8)
    case "QUInt8Storage": return .some(.quint8)
    case "QInt32Storage": return .some(.qint32)
    case "QUInt4x2Storage": return .some(.quint4x2)
    case "QUInt2x4Storage": return .some(.quint2x4)
    case "UntypedStorage": return .some(nil)
    default: return nil
    }
  }

  /// Reads a persistent id; nil where it refers to no storage: the legacy form has ids of pickled classes
  /// too.
  ///
  /// - Throws: `FormatError.malformed`, for an id of a storage that breaks the rules.
  init?(_ id: PickleGraph.ID, in graph: PickleGraph, context: FaultContext) throws(FormatError) {
    guard let items = graph.tuple(id, count: 5, orMore: true), items.count <= 6,
      graph.string(items[0]) == "storage"
    else { return nil }
    guard let className = graph.globalName(items[1]), let type = Self.elementType(ofClass: className) else {
      throw context.fault(
        .key("storage"), expected: "a storage class of torch",
        found: graph.globalName(items[1]) ?? "\(graph.kind(items[1]))")
    }
    // Python 2 wrote integers where later versions write strings.
    guard let key = graph.string(items[2]) ?? graph.int(items[2]).map(String.init), !key.isEmpty else {
      throw context.fault(.key("storage"), expected: "a storage key", found: "\(graph.kind(items[2]))")
    }
    guard let count = graph.int(items[4]), count >= 0 else {
      throw context.fault(
        .key("storage \(key)"), expected: "an element count", found: "\(graph.int(items[4]) ?? -1)")
    }
    self.key = key
    self.elementType = type
    self.count = count
    if items.count == 6, graph.kind(items[5]) != .none {
      guard let view = graph.tuple(items[5], count: 3), let offset = graph.int(view[1]),
        let length = graph.int(view[2]), offset >= 0, length >= 0, offset <= count, length <= count - offset
      else {
        throw context.fault(
          .key("storage \(key)"), expected: "a view inside its \(count) elements", found: "another")
      }
      self.view = (offset, length)
    }
  }
}
