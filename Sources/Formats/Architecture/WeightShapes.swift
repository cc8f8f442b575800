/// The shapes of a file's tensors by torchvision's names, each claimed once by the network that is being
/// read.
package struct WeightShapes: Sendable {
  /// The translation of names.
  package let names: NameMap
  private let shapes: [String: [Int]]
  private let fileNames: [String: String]
  /// Names in the file's order.
  private let order: [String]
  private var used: Set<String> = []
  private let modules: Set<String>
  /// Names of tensors that are recognised as no part of the network.
  package private(set) var leftOut: [String] = []
  /// Name and shape of each claimed tensor, in the order of the claims.
  package private(set) var claimed: [(name: String, shape: [Int])] = []

  /// Creates the table from names and shapes as the file has them; the network is searched among them.
  ///
  /// - Throws: `ArchitectureError.duplicateTensor` where two names mean the same parameter, `.unsupported` for
  ///   a family of networks that is known by its names.
  package init(_ tensors: [(name: String, shape: [Int])]) throws(ArchitectureError) {
    let entries = tensors.map { TensorEntry(path: $0.name, shape: $0.shape) }
    var found: FoundNetwork?
    do {
      found = try NetworkSearch.find(entries, path: "")
    } catch {
      if case .architecture(_, let error) = error { throw error }
    }
    guard let found else {
      try self.init(tensors, names: NameMap(names: tensors.map(\.name)))
      return
    }
    let kept = tensors.indices.filter { found.canonical[$0] != nil }
    try self.init(
      kept.map { (found.shortened(tensors[$0].name), tensors[$0].shape) }, names: found.names)
    leftOut = found.ignored.sorted().map { tensors[$0].name }
  }

  /// Creates the table of the tensors of `checkpoint`.
  ///
  /// - Throws: `ArchitectureError.duplicateTensor` where two names mean the same parameter.
  package init(_ checkpoint: Checkpoint) throws(ArchitectureError) {
    let tensors = checkpoint.tensors.map { (name: $0.name, shape: $0.shape) }
    try self.init(tensors, names: checkpoint.names ?? NameMap(names: tensors.map(\.name)))
  }

  private init(_ tensors: [(name: String, shape: [Int])], names: NameMap) throws(ArchitectureError) {
    self.names = names
    var shapes: [String: [Int]] = [:]
    var fileNames: [String: String] = [:]
    var modules: Set<String> = []
    var order: [String] = []
    order.reserveCapacity(tensors.count)
    shapes.reserveCapacity(tensors.count)
    fileNames.reserveCapacity(tensors.count)
    for tensor in tensors {
      let canonical = names.canonical(tensor.name)
      if let other = fileNames[canonical] {
        throw .duplicateTensor(name: tensor.name, other: other)
      }
      order.append(canonical)
      shapes[canonical] = tensor.shape
      fileNames[canonical] = tensor.name
      if let dot = canonical.utf8.lastIndex(of: UInt8(ascii: ".")) {
        modules.insert(String(canonical[..<dot]))
      }
    }
    self.shapes = shapes
    self.fileNames = fileNames
    self.modules = modules
    self.order = order
  }

  /// The shape of `name`; nil where the file has no such tensor.
  package subscript(_ name: String) -> [Int]? { shapes[name] }

  /// True where the file has a tensor that torchvision calls `name`.
  package func contains(_ name: String) -> Bool { shapes[name] != nil }

  /// True where a tensor's name is `module.<leaf>`.
  package func hasModule(_ module: String) -> Bool { modules.contains(module) }

  /// torchvision's names in the file's order.
  package var canonicalNames: [String] { order }

  /// The name of `canonical` in the file, or the one that it would have there.
  package func fileName(of canonical: String) -> String {
    fileNames[canonical] ?? names.sourceName(of: canonical)
  }

  /// torchvision's names of the tensors that nothing has claimed, in the file's order.
  package var unclaimed: [String] { order.filter { !used.contains($0) } }

  /// Claims `name` and returns its shape.
  ///
  /// - Throws: `ArchitectureError.missingTensor`, or `.misshapenTensor` unless the shape matches `pattern`.
  @discardableResult
  package mutating func claim(_ name: String, _ pattern: ShapePattern) throws(ArchitectureError) -> [Int] {
    guard let shape = shapes[name] else {
      throw .missingTensor(name: fileName(of: name), expected: pattern)
    }
    guard pattern.matches(shape) else {
      throw .misshapenTensor(name: fileName(of: name), expected: pattern, found: shape)
    }
    used.insert(name)
    claimed.append((name, shape))
    return shape
  }

  /// Claims the weight `[outputs, inputs / groups, k, k]` of `module`, and its bias `[outputs]` where it has
  /// one.
  ///
  /// - Parameters:
  ///   - outputs: Output channels; nil for any number.
  ///   - kernels: Accepted sides of the kernel, the usual one first.
  ///   - grouped: True where the second axis may be smaller than `inputs` by a number of groups.
  /// - Throws: `ArchitectureError.missingTensor` or `.misshapenTensor`.
  package mutating func claimConvolution(
    _ module: String, inputs: Int, outputs: Int? = nil, kernels: [Int], grouped: Bool = false
  ) throws(ArchitectureError) -> ArchitectureDescription.Convolution {
    let name = module + ".weight"
    let kernel = contains(name) && shapes[name]?.count == 4 ? shapes[name]![2] : kernels[0]
    let wanted = kernels.contains(kernel) ? kernel : kernels[0]
    let strict = ShapePattern([outputs, inputs, wanted, wanted])
    var groups = 1
    var shape = try claim(name, grouped ? ShapePattern([outputs, nil, wanted, wanted]) : strict)
    if grouped {
      groups = inputs / shape[1]
      guard groups > 0, groups * shape[1] == inputs, shape[0] % groups == 0 else {
        throw .misshapenTensor(name: fileName(of: name), expected: strict, found: shape)
      }
    }
    let result = shape[0]
    let hasBias = contains(module + ".bias")
    if hasBias { shape = try claim(module + ".bias", ShapePattern([result])) }
    return .init(inputs: inputs, outputs: result, kernel: wanted, groups: groups, hasBias: hasBias)
  }

  /// Claims the four vectors `[channels]` of a batch norm.
  ///
  /// - Throws: `ArchitectureError.missingTensor` or `.misshapenTensor`.
  package mutating func claimBatchNorm(_ module: String, channels: Int) throws(ArchitectureError) {
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      try claim(module + "." + leaf, ShapePattern([channels]))
    }
  }
}
