import FixresBase

/// Converts the pickled calls that rebuild tensors into checked views.
///
/// Format: `torch/_utils.py` and `torch/_tensor.py` of PyTorch.
///
///     _rebuild_tensor     (storage, offset, size, stride)
///     _rebuild_tensor_v2  (storage, offset, size, stride, requires_grad, hooks[, metadata])
///     _rebuild_tensor_v3  (storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
///     _rebuild_parameter  (tensor, requires_grad, hooks); other wrappers have the tensor first too
///
/// `offset` and `stride` count elements. Every other call (sparse, quantised and meta tensors, unknown
/// classes) gives an opaque value, which is an error only where the network needs it.
struct TorchTensorReader {
  /// The saved object.
  let graph: PickleGraph
  /// Makes the errors.
  let context: FaultContext
  /// The bytes of a whole storage.
  let storage: (TorchStorageID) throws(FormatError) -> Bytes

  /// A value of a state dictionary.
  enum Value {
    /// A plain strided tensor.
    case tensor(CheckpointTensor)
    /// The result of a call that gives no plain strided tensor.
    case opaque(constructor: String)
    /// No call.
    case other
  }

  /// The call that rebuilds a tensor, without its wrappers (Parameter, subclasses with attributes).
  private struct Call {
    var function: String
    var arguments: PickleGraph.ID
    var isModified = false
  }

  /// True where `id` rebuilds a tensor of any kind; reads no storage.
  func isTensor(_ id: PickleGraph.ID) -> Bool {
    guard let call = call(id) else { return false }
    return Self.isRebuild(call.function)
  }

  /// Reads the value `id`, the tensor of which is called `name`.
  ///
  /// - Throws: `FormatError.malformed`.
  func value(_ id: PickleGraph.ID, name: String) throws(FormatError) -> Value {
    guard let call = call(id) else { return .other }
    guard !call.isModified else { return .opaque(constructor: call.function) }
    switch call.function {
    case "torch._utils._rebuild_tensor": return try plain(call, name, least: 4, metadata: nil, type: nil)
    case "torch._utils._rebuild_tensor_v2": return try plain(call, name, least: 6, metadata: 6, type: nil)
    case "torch._utils._rebuild_tensor_v3": return try plain(call, name, least: 7, metadata: 7, type: 6)
    default: return .opaque(constructor: call.function)
    }
  }

  /// Shape and type of the tensor that `id` rebuilds, its storage unread; shape nil where it is no plain one.
  func entry(_ id: PickleGraph.ID, path: String) -> TensorEntry {
    var entry = TensorEntry(path: path, shape: nil)
    guard let call = call(id), !call.isModified, call.function.hasPrefix("torch._utils._rebuild_tensor"),
      let items = graph.tuple(call.arguments, count: 4, orMore: true), graph.kind(items[0]) == .persistent,
      let storage = try? TorchStorageID(.init(index: graph[items[0]].low), in: graph, context: context),
      let shape = ints(items[2]), let offset = graph.int(items[1])
    else { return entry }
    entry.shape = shape
    // Version 3 has an untyped storage and states the type beside it.
    let type = call.function.hasSuffix("_v3") && items.count > 6 ? graph.globalName(items[6]) : nil
    let stated = type.flatMap { ElementType(rawValue: String($0.dropFirst(6))) }
    entry.isFloatingPoint = (stated ?? storage.elementType ?? .uint8).isFloatingPoint
    let view = storage.view.map { "+\($0.offset)" } ?? ""
    entry.identity = "\(storage.key)\(view)+\(offset)\(shape)"
    return entry
  }

  /// Refuses calls that rebuild tensors and that torch could not make, whether or not anything needs their result: a
  /// missing argument, or one of another type.
  ///
  /// - Throws: `FormatError.malformed`.
  func checkCalls() throws(FormatError) {
    var known: Set<PickleGraph.ID> = []
    for object in graph.objects {
      guard let function = graph.globalName(object.callable) else { continue }
      if function == "collections.OrderedDict", !graph.holdsPairs(object.arguments, known: &known) {
        throw context.fault(.key(function), expected: "a list of pairs", found: "another argument")
      }
      guard Self.isRebuild(function) else { continue }
      let items = graph.tuple(object.arguments) ?? []
      func kind(_ index: Int) -> PickleGraph.Kind {
        graph.kind(.init(index: items[items.startIndex + index]))
      }
      let isFlag = { (index: Int) in kind(index) == .true || kind(index) == .false }
      let isRight: Bool
      switch function.dropFirst("torch._".count).drop(while: { $0 != "." }) {
      case "._rebuild_tensor": isRight = items.count == 4 && isPlain(items)
      case "._rebuild_tensor_v2": isRight = (6...7).contains(items.count) && isPlain(items) && isFlag(4)
      case "._rebuild_tensor_v3": isRight = (7...8).contains(items.count) && isPlain(items) && isFlag(4)
      case "._rebuild_parameter": isRight = items.count == 3 && kind(0) == .object && isFlag(1)
      case "._rebuild_parameter_with_state": isRight = items.count == 4 && kind(0) == .object && isFlag(1)
      case "._rebuild_from_type_v2":
        isRight = items.count == 4 && kind(0) == .global && kind(1) == .global && kind(2) == .tuple
      default: isRight = true
      }
      guard isRight else {
        throw context.fault(.key(function), expected: "the arguments that it takes", found: "others")
      }
    }
  }

  /// Whether `items` begin with a storage, an offset, a size and a stride.
  private func isPlain(_ items: ArraySlice<UInt32>) -> Bool {
    let ids = items.prefix(4).map { PickleGraph.ID(index: $0) }
    return graph.kind(ids[0]) == .persistent && graph.int(ids[1]) != nil && ints(ids[2]) != nil
      && ints(ids[3]) != nil
  }

  private static func isRebuild(_ function: String) -> Bool {
    function.hasPrefix("torch._utils._rebuild_") || function.hasPrefix("torch._tensor._rebuild_")
  }

  private static let parameterWrappers: Set<String> = [
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer",
  ]

  /// Classes whose instances are plain tensors with attributes.
  private static let plainClasses: Set<String> = [
    "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer",
  ]

  private func call(_ id: PickleGraph.ID) -> Call? {
    guard let object = graph.object(id) else { return nil }
    var call = Call(function: graph.globalName(object.callable) ?? "?", arguments: object.arguments)
    call.isModified = isModified(object)
    // Wrappers nest two or three deep; the limit bounds the time for a hostile pickle.
    for _ in 0..<8 {
      if Self.parameterWrappers.contains(call.function), let inner = graph.tuple(call.arguments)?.first,
        let data = graph.object(.init(index: inner)), let function = graph.globalName(data.callable)
      {
        call = Call(
          function: function, arguments: data.arguments, isModified: call.isModified || isModified(data))
      } else if call.function == "torch._tensor._rebuild_from_type_v2",
        let items = graph.tuple(call.arguments, count: 4), let function = graph.globalName(items[0]),
        let type = graph.globalName(items[1]), Self.plainClasses.contains(type)
      {
        call.function = function
        call.arguments = items[2]
      } else {
        return call
      }
    }
    return call
  }

  private func isModified(_ object: PickleGraph.Object) -> Bool {
    object.state != nil || object.items.first != PickleGraph.noChunk
      || object.elements.first != PickleGraph.noChunk
  }

  /// The tensor of a call with at least `least` arguments; `metadata` and `type` are the indices of optional
  /// ones.
  private func plain(
    _ call: Call, _ name: String, least: Int, metadata: Int?, type: Int?
  ) throws(FormatError) -> Value {
    guard graph.kind(call.arguments) == .tuple,
      let items = graph.tuple(call.arguments, count: least, orMore: true),
      items.count <= least + (metadata == nil ? 0 : 1)
    else {
      throw fault(name, "\(least) arguments of \(call.function)", "others")
    }
    // Metadata marks views that are negated or conjugated lazily.
    if let metadata, metadata < items.count, !isEmpty(items[metadata]) {
      return .opaque(constructor: call.function + " with metadata")
    }
    let node = graph[items[0]]
    guard node.kind == .persistent,
      let id = try TorchStorageID(.init(index: node.low), in: graph, context: context)
    else { throw fault(name, "a storage", "\(node.kind)") }
    var elementType = id.elementType ?? .uint8
    if let type {
      guard let typeName = graph.globalName(items[type]), typeName.hasPrefix("torch.") else {
        throw fault(name, "a dtype of torch", "\(graph.kind(items[type]))")
      }
      guard let known = ElementType(rawValue: String(typeName.dropFirst(6))) else {
        return .opaque(constructor: typeName)
      }
      elementType = known
    }
    let bytes = try window(id)
    return .tensor(try view(name, elementType, bytes, offset: items[1], size: items[2], stride: items[3]))
  }

  private func isEmpty(_ id: PickleGraph.ID) -> Bool {
    let node = graph[id]
    return node.kind == .none || (node.kind == .dictionary && node.low == PickleGraph.noChunk)
  }

  /// The storage's bytes, or the part of them that a legacy view refers to.
  private func window(_ id: TorchStorageID) throws(FormatError) -> Bytes {
    let whole = try storage(id)
    guard let view = id.view else { return whole }
    // The view is inside `count` elements, whose byte count has been checked for overflow.
    let size = id.elementType?.byteCount ?? 1
    return try context.reading { () throws(ReadError) in
      try whole.slice(view.offset * size, view.count * size)
    }
  }

  private func view(
    _ name: String, _ elementType: ElementType, _ bytes: Bytes, offset: PickleGraph.ID, size: PickleGraph.ID,
    stride: PickleGraph.ID
  ) throws(FormatError) -> CheckpointTensor {
    guard let shape = ints(size), let strides = ints(stride), let offset = graph.int(offset) else {
      throw fault(
        name, "integers as offset, size and stride, at most \(StridedView.maximumRank) of each", "others")
    }
    do {
      _ = try StridedView.check(
        shape: shape, strides: strides, offset: offset, count: bytes.count / elementType.byteCount)
    } catch { throw fault(name, error.expected, error.found) }
    return CheckpointTensor(
      name: name, elementType: elementType, shape: shape, strides: strides, bytes: bytes,
      elementOffset: offset)
  }

  /// The integers of a tuple or of a `torch.Size`.
  private func ints(_ id: PickleGraph.ID) -> [Int]? {
    var tuple = id
    if let object = graph.object(id), graph.globalName(object.callable) == "torch.Size",
      let inner = graph.tuple(object.arguments, count: 1)
    {
      tuple = inner[0]
    }
    guard let items = graph.tuple(tuple), items.count <= StridedView.maximumRank else { return nil }
    var values: [Int] = []
    for item in items {
      guard let value = graph.int(.init(index: item)) else { return nil }
      values.append(value)
    }
    return values
  }

  private func fault(_ name: String, _ expected: String, _ found: String) -> FormatError {
    context.fault(.tensor(name), expected: expected, found: found)
  }
}
