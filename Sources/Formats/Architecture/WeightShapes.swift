/// The tensors of a file by torchvision's names, crossed off as the network claims them.
package struct WeightShapes: Sendable {
  package let names: NameMap
  private let shapes: [String: [Int]]
  private let fileNames: [String: String]
  /// Names in the file's order.
  private let order: [String]
  private var used: Set<String> = []
  private let modules: Set<String>
  /// The parameters of the network with their shapes, in the order in which the network reads them.
  package private(set) var claimed: [(name: String, shape: [Int])] = []

  package init(_ tensors: [(name: String, shape: [Int])]) throws(ArchitectureError) {
    names = NameMap(names: tensors.map(\.name))
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

  package subscript(_ name: String) -> [Int]? { shapes[name] }

  package func contains(_ name: String) -> Bool { shapes[name] != nil }

  /// True where some tensor's name is `module.<leaf>`.
  package func hasModule(_ module: String) -> Bool { modules.contains(module) }

  package var canonicalNames: [String] { order }

  /// The file's own name of a parameter, or what it would be.
  package func fileName(of canonical: String) -> String {
    fileNames[canonical] ?? names.sourceName(of: canonical)
  }

  package var unclaimed: [String] { order.filter { !used.contains($0) } }

  /// Claims `name`, whose shape must match.
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

  /// Claims the weight `[outputs, inputs / groups, k, k]` of `module` and its bias, if it has one.
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

  /// Claims the four vectors of a batch norm.
  package mutating func claimBatchNorm(_ module: String, channels: Int) throws(ArchitectureError) {
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      try claim(module + "." + leaf, ShapePattern([channels]))
    }
  }
}
