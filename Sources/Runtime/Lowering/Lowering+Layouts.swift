import FixresIR

extension Lowering {
  /// Shares buffers where nothing is computed, then gives each one a layout with the border its readers need.
  mutating func chooseLayouts() throws(RuntimeError) {
    guard graph.inputs.count == 1, let input = graph.imageInput, input.type.isImage else {
      throw .unsupported(
        value: graph.imageInput?.name ?? "input", operation: "input", reason: "a session takes one picture")
    }
    layOut(sharesFlattened: true)
    // A flattened pixel must be contiguous; where a padded reader put a border around its map, it is copied.
    let isBroken = batchedNodes.contains { _, node in
      guard case .flatten = node.op, roots[node.result.index] != node.result.index else { return false }
      return layouts[root(node.result)]?.border != Border.none
    }
    if isBroken { layOut(sharesFlattened: false) }
    if case .borderedPixel(let map) = planted { borderPixel(map) }
  }

  private mutating func layOut(sharesFlattened: Bool) {
    roots = [Int?](repeating: nil, count: graph.values.count)
    layouts = [TensorLayout?](repeating: nil, count: graph.values.count)
    for input in graph.inputs { roots[input.index] = input.index }
    for (_, node) in batchedNodes {
      let shares = isAlias(node, sharesFlattened: sharesFlattened)
      roots[node.result.index] = shares ? root(node.operands[0]) : node.result.index
    }
    for (index, root) in roots.enumerated() where root == index {
      layouts[index] = plainLayout(graph.values[index].type)
    }
    if isNarrow(graph.inputs[0]) {
      let channels = graph[graph.inputs[0]].type.channels
      layouts[graph.inputs[0].index]?.block = channels
    }
    for (_, node) in batchedNodes {
      guard case .conv2d(let op) = node.op else { continue }
      let border = readBorder(op, node)
      let source = root(node.operands[0])
      let known = layouts[source]?.border ?? .none
      layouts[source]?.border = known.union(border)
    }
    if case .narrowBorder(let map) = planted { narrowBorder(map) }
  }

  private func plainLayout(_ type: TensorType) -> TensorLayout {
    TensorLayout(
      channels: type.isImage ? type.channels : type.elementCount, height: type.spatial.height,
      width: type.spatial.width, block: backend.block, format: backend.format)
  }

  /// True where the result is the operand, bit for bit and in place.
  private func isAlias(_ node: Node, sharesFlattened: Bool) -> Bool {
    switch node.op.computation {
    case .copy: true
    case .flatten: sharesFlattened && graph[node.operands[0]].type.spatial.area == 1
    case .elementwise, .batchNorm, .sum, .product, .channelProduct, .convolution, .linear, .pool,
      .globalPool, .generalizedMean, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }

  /// A picture's few channels stay together unpadded when only dense convolutions read them.
  private func isNarrow(_ input: ValueID) -> Bool {
    guard graph[input].type.channels <= 4 else { return false }
    let readers = batchedNodes.filter { _, node in
      root(node.result) != input.index && dataOperands(node).contains { root($0) == input.index }
    }
    return !readers.isEmpty
      && readers.allSatisfy { _, node in
        guard case .conv2d(let op) = node.op else { return false }
        return op.groups == 1 && op.residualIndex.map { root(node.operands[$0]) != input.index } ?? true
      }
  }

  /// Rows and columns outside the map that the convolution's taps reach.
  private func readBorder(_ op: Conv2D, _ node: Node) -> Border {
    let size = graph[node.operands[0]].type.spatial
    let kernel = op.window(weight: graph[node.operands[1]].type).kernel
    let output = graph[node.result].type.spatial
    func after(_ count: Int, _ stride: Int, _ kernel: Int, _ before: Int, _ size: Int) -> Int {
      max(0, (count - 1) * stride + kernel - before - size)
    }
    return Border(
      top: op.padding.top, left: op.padding.left,
      bottom: after(output.height, op.strides.height, kernel.height, op.padding.top, size.height),
      right: after(output.width, op.strides.width, kernel.width, op.padding.left, size.width))
  }

  /// Bytes of a buffer beyond any machine's memory, so that distances in it can be added up: 64 TB.
  private static let mostBufferBytes = 1 << 46

  /// Live ranges by node, in-place sharing, and a buffer index for each value that has memory of its own.
  mutating func assignBuffers(_ outputs: [ValueID], _ available: Int) throws(RuntimeError) {
    let end = graph.nodes.count
    var lastUse = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in batchedNodes {
      for operand in dataOperands(node) { lastUse[root(operand)] = index }
      // What nobody reads is written all the same.
      if root(node.result) == node.result.index { lastUse[node.result.index] = index }
    }
    for output in outputs { lastUse[root(output)] = end }
    if !keepsValues { shareInPlace(&lastUse) }
    var first = [Int: Int]()
    first[root(graph.inputs[0])] = -1
    for (index, node) in batchedNodes where first[root(node.result)] == nil {
      first[root(node.result)] = index
    }
    for (value, start) in first.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      let byteCount = layouts[value]?.checkedByteCount ?? .max
      // Each alone, so that their sum stays far inside an Int.
      guard byteCount <= min(available, Self.mostBufferBytes) else {
        throw .planTooLarge(needed: byteCount, available: available)
      }
      buffers[value] = requests.count
      requests.append(
        .init(byteCount: byteCount, first: start, last: keepsValues ? end : max(lastUse[value], start)))
      requestNames.append(graph.values[value].name)
    }
  }

  /// Lets an element-wise result, or a convolution's sum with a residual, take over an operand's buffer that
  /// nobody reads later.
  private mutating func shareInPlace(_ lastUse: inout [Int]) {
    // New root of each root taken over; nodes come in order, so a new root is never taken over later.
    var movedTo = [Int](roots.indices)
    func current(_ value: ValueID) -> Int { movedTo[root(value)] }
    for (index, node) in batchedNodes where roots[node.result.index] == node.result.index {
      guard let operand = inPlaceOperand(node) else { continue }
      let source = current(operand)
      let result = node.result.index
      // One occurrence only: a residual may also be what the convolution reads.
      var others = dataOperands(node)
      if let index = others.lastIndex(of: operand) { others.remove(at: index) }
      guard lastUse[source] == index || planted == .eagerSharing,
        layouts[source]?.block == layouts[result]?.block,
        !others.contains(where: { current($0) == source }) || isElementwise(node.op),
        let layout = layouts[source], let resultLayout = layouts[result],
        layout.channels == resultLayout.channels, layout.height == resultLayout.height,
        layout.width == resultLayout.width,
        layout.format == resultLayout.format,
        // A single pixel may also be read as a vector, which has no border, neither its own nor the operand's.
        layout.height * layout.width > 1 || layout.border.union(resultLayout.border) == .none
      else { continue }
      layouts[source]?.border = layout.border.union(resultLayout.border)
      lastUse[source] = max(lastUse[source], lastUse[result])
      movedTo[result] = source
    }
    for (value, root) in roots.enumerated() {
      if let root { roots[value] = movedTo[root] }
    }
  }

  /// Whether the step reads each element of its operands just before it writes the same element, so that even two
  /// operands in one buffer may be overwritten.
  private func isElementwise(_ op: Op) -> Bool {
    switch op.computation {
    case .elementwise, .batchNorm, .sum, .product, .channelProduct: true
    case .copy, .convolution, .linear, .pool, .globalPool, .generalizedMean, .flatten, .stridedSlice,
      .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }

  /// The operand whose buffer the result may take over.
  private func inPlaceOperand(_ node: Node) -> ValueID? {
    switch node.op.computation {
    case .convolution(let op): op.residualIndex.map { node.operands[$0] }
    case .elementwise, .batchNorm, .sum, .product, .channelProduct:
      graph[node.operands[0]].type.batched ? node.operands[0] : nil
    case .copy, .linear, .pool, .globalPool, .generalizedMean, .flatten, .stridedSlice, .channelPad, .concat,
      .reflectPad, .softmax:
      nil
    }
  }

  /// The least bytes that the layers' weights take once they are packed, each layer's apart though several may have one
  /// constant. Groups narrower than a channel block are packed with zeros between them.
  private var packedByteCount: Int {
    batchedNodes.reduce(0) { sum, entry in
      let groups: Int
      switch entry.node.op.computation {
      case .convolution(let op): groups = op.groups
      case .linear: groups = 1
      case .copy, .elementwise, .batchNorm, .sum, .product, .channelProduct, .pool, .globalPool,
        .generalizedMean, .flatten, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
        return sum
      }
      let count = graph[entry.node.operands[1]].type.elementCount
      return sum.addingSaturated(backend.format.byteCount(of: count * min(groups, backend.block)))
    }
  }

  /// Places all buffers in the arena, and refuses, before anything is allocated, a plan whose arena and weights are
  /// more than the machine has.
  func placeBuffers(_ available: Int) throws(RuntimeError) -> MemoryPlanner.Placement {
    var placement = place()
    let needed = placement.byteCount.addingSaturated(max(model.constants.byteCount, packedByteCount))
    guard needed <= available, placement.byteCount < .max else {
      throw .planTooLarge(needed: needed, available: available)
    }
    if case .offset(let buffer, let byteCount) = planted {
      placement.offsets[buffer % requests.count] += byteCount
    }
    return placement
  }

  private func place() -> MemoryPlanner.Placement {
    guard case .shortLiveRange(let buffer) = planted else { return MemoryPlanner.place(requests) }
    var short = requests
    short[buffer % short.count].last = short[buffer % short.count].first
    return MemoryPlanner.place(short)
  }

  private mutating func borderPixel(_ map: Int) {
    let pixels = layouts.indices.filter { layouts[$0].map { $0.height * $0.width == 1 } ?? false }
    if !pixels.isEmpty { layouts[pixels[map % pixels.count]]?.border = Border(all: 1) }
  }

  /// Takes a row or a column from one of the borders.
  private mutating func narrowBorder(_ map: Int) {
    let bordered = layouts.indices.filter { layouts[$0].map { $0.border != .none } ?? false }
    guard !bordered.isEmpty, var layout = layouts[bordered[map % bordered.count]] else { return }
    if layout.border.bottom > 0 { layout.border.bottom -= 1 } else { layout.border.top -= 1 }
    layout.border.top = max(0, layout.border.top)
    if layout.border == layouts[bordered[map % bordered.count]]?.border {
      (layout.border.left, layout.border.right) = (0, 0)
    }
    layouts[bordered[map % bordered.count]] = layout
  }
}
