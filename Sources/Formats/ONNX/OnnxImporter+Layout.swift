import FixresBase
import FixresIR

extension OnnxImporter {
  /// `axis`, which may count from the end, as an index of `count` axes.
  func axisIndex(_ axis: Int, of count: Int, _ node: OnnxNode) throws(FormatError) -> Int {
    guard axis >= -count, axis < count else {
      throw fault(node, "an axis of \(count)", "\(axis)")
    }
    return axis < 0 ? axis + count : axis
  }

  /// The axes in the attribute `axes` (older opsets) or in input `index`; nil where the node has neither.
  func axes(_ node: OnnxNode, input index: Int, count: Int) throws(FormatError) -> [Int]? {
    let list: [Int]
    if let given = node.integers("axes") {
      list = given
    } else if node.input(index) != nil {
      list = try knownNumbers(node, index)
    } else {
      return nil
    }
    var indices: [Int] = []
    for axis in list {
      let index = try axisIndex(axis, of: count, node)
      guard !indices.contains(index) else { throw fault(node, "each axis once", "\(list)") }
      indices.append(index)
    }
    return indices
  }

  /// ReduceMean and ReduceMax over height and width, which are global pools.
  mutating func reduce(_ node: OnnxNode, _ op: Op) throws(FormatError) {
    var x = try activation(node, 0, powered: true)
    let type = graph[x.value].type
    let stated = try axes(node, input: 1, count: x.axes.count)
    let removed = stated ?? []
    let reduced = Set(removed.map { x.axes[$0] })
    let whole: [Set<OnnxAxis>] = [[.height, .width], [.spatial]]
    guard type.isImage, whole.contains(reduced.subtracting([.one])) else {
      throw fault(
        node, "a mean or a maximum over height and width together",
        "the axes \(removed) of \(describe(x))")
    }
    let power = x.power
    guard power == nil || node.op == "ReduceMean", x.meanOfPowers == nil else {
      throw fault(node, "the mean of powers", node.op)
    }
    (x.power, x.meanOfPowers) = (nil, power)
    let isNonNegative = nonNegative.contains(x.value)
    if power == nil { x.value = try append(op, [x.value], node) }
    if isNonNegative { nonNegative.insert(x.value) }
    var left = x.axes
    if node.integer("keepdims", default: 1) == 0 {
      left = left.indices.filter { !removed.contains($0) }.map { x.axes[$0] }
    } else if let spatial = left.firstIndex(of: .spatial) {
      left[spatial] = .one
    }
    x.axes = left
    try set(node, .activation(x))
  }

  /// Flatten at axis 1.
  mutating func flatten(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0, probability: true)
    let axis = node.integer("axis", default: 1)
    guard try axisIndex(axis, of: x.axes.count, node) == 1, x.axes[0] == .batch else {
      throw fault(node, "one row an image (axis 1)", "axis \(axis) of \(describe(x))")
    }
    try set(node, .activation(try flattened(x, node)))
  }

  /// `x` as rows `[N, F]`, F in the order channels, rows, columns.
  private mutating func flattened(
    _ x: OnnxActivation, _ node: OnnxNode
  ) throws(FormatError) -> OnnxActivation {
    var result = x
    result.axes = [.batch, .feature]
    guard graph[x.value].type.isImage else { return result }
    if isGate(node), graph[x.value].type.spatial == Extent(1, 1) {
      result.axes = [.batch, .channel]
      return result
    }
    let counted = x.axes.filter { $0 != .batch && size($0, x) != 1 }
    let order: [OnnxAxis] = [.channel, .height, .width, .spatial]
    let ranks = counted.compactMap { order.firstIndex(of: $0) }
    guard ranks == ranks.sorted() else {
      throw fault(
        node, "channels before rows and columns in what is flattened",
        "\(describe(x)) of \(graph[x.value].type)")
    }
    result.value = try append(.flatten(.init()), [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(result.value) }
    return result
  }

  /// Transpose: only the order of the axes that ONNX sees changes.
  mutating func transpose(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0, padded: true, probability: true)
    let order = node.integers("perm") ?? Array(x.axes.indices.reversed())
    guard order.sorted() == Array(x.axes.indices) else {
      throw fault(node, "an order of \(x.axes.count) axes", "\(order.prefix(9))")
    }
    x.axes = order.map { x.axes[$0] }
    try set(node, .activation(x))
  }

  /// Squeeze of axes of size 1.
  mutating func squeeze(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0, probability: true)
    let single = x.axes.indices.filter { size(x.axes[$0], x) == 1 }
    let stated = try axes(node, input: 1, count: x.axes.count)
    let removed = stated ?? single
    guard removed.allSatisfy(single.contains) else {
      throw fault(node, "axes of size 1 other than the batch", "\(removed) of \(describe(x))")
    }
    x.axes = x.axes.indices.filter { !removed.contains($0) }.map { x.axes[$0] }
    try set(node, .activation(x))
  }

  /// Unsqueeze behind the batch.
  mutating func unsqueeze(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0, probability: true)
    let listed = try numbers(node, "axes", 1).count
    guard listed <= 4, let inserted = try axes(node, input: 1, count: x.axes.count + listed) else {
      throw fault(node, "at most four axes", "\(listed)")
    }
    for axis in inserted.sorted() {
      guard axis > 0, axis <= x.axes.count else { throw fault(node, "the batch first", "axis \(axis)") }
      x.axes.insert(.one, at: axis)
    }
    try set(node, .activation(x))
  }

  // MARK: Reshape

  /// Reshape that keeps images apart. The target has the forms that exporters write for a flatten, a view of
  /// height and width as one axis, or axes of size 1; with x of type [N, C, H, W]:
  ///
  ///     [N or -1 or 0, C * H * W or -1]     rows [N, F]
  ///     [N, C, H * W] and back              height and width as one axis
  ///     [N, C, 1, 1, ...]                   axes of size 1 added or removed, for x of one pixel or rows
  ///
  /// 0 copies the extent of the input, -1 is inferred from the number of elements (Operators.md of onnx,
  /// Reshape).
  mutating func reshape(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0, probability: true)
    let target: [OnnxSize]
    if let stated = node.integers("shape") {
      target = stated.map(OnnxSize.known)
    } else {
      target = try sizes(node, 1)
    }
    let type = graph[x.value].type
    guard x.axes.first == .batch else { throw fault(node, "the batch first", describe(x)) }
    let found = "the shape \(describe(target)) for \(type) \(describe(x))"
    let refusal = { [path] (expected: String) -> FormatError in
      .onnx(path: path, OnnxFault(node.place, expected: expected, found: found))
    }
    guard (2...8).contains(target.count) else { throw refusal("two to eight axes") }
    guard target.count(where: { $0 == .known(-1) }) <= 1 else { throw refusal("at most one -1") }
    var wanted = target
    if node.integer("allowzero", default: 0) == 0 {
      for (index, size) in target.enumerated() where size == .known(0) {
        guard index < x.axes.count else { throw refusal("an axis to copy in the place of each 0") }
        wanted[index] = self.size(x.axes[index], x).map(OnnxSize.known) ?? .batch
      }
    }
    let row = try row(wanted, type.elementCount, refusal)
    try set(node, .activation(try reshaped(x, to: row, node, refusal: refusal)))
  }

  private func describe(_ sizes: [OnnxSize]) -> String {
    "[" + sizes.prefix(9).map { $0.number.map { "\($0)" } ?? "N" }.joined(separator: ", ") + "]"
  }

  /// The shape of one image in `target`, whose first extent must be the batch.
  private func row(
    _ target: [OnnxSize], _ count: Int, _ refusal: (String) -> FormatError
  ) throws(FormatError) -> [Int] {
    switch target[0] {
    case .batch, .known(-1): break
    case .known(let size):
      guard size == fixedBatch ?? 1 else { throw refusal("one row an image") }
    }
    var row = target.dropFirst().compactMap(\.number)
    guard row.count == target.count - 1 else { throw refusal("the batch once") }
    if let inferred = row.firstIndex(of: -1) {
      row[inferred] = 1
      guard let product = Int.checkedProduct(row), product > 0, count % product == 0 else {
        throw refusal("sizes that divide the elements of an image")
      }
      row[inferred] = count / product
    }
    guard Int.checkedProduct(row) == count else { throw refusal("one row an image, of \(count) elements") }
    return row
  }

  private mutating func reshaped(
    _ x: OnnxActivation, to row: [Int], _ node: OnnxNode, refusal: (String) -> FormatError
  ) throws(FormatError) -> OnnxActivation {
    if row.count == 1 { return try flattened(x, node) }
    let type = graph[x.value].type
    var result = x
    if row == x.axes.dropFirst().map({ size($0, x) ?? 0 }) { return result }
    let isNCHW = x.axes == OnnxActivation.imageAxes
    if isNCHW || x.axes == [.batch, .channel, .spatial], type.isImage {
      if row == [type.channels, type.spatial.area] {
        result.axes = [.batch, .channel, .spatial]
        return result
      }
      if row == type.dims {
        result.axes = OnnxActivation.imageAxes
        return result
      }
    }
    // A value of one axis other than 1 may have any number of axes of size 1.
    let isLine = !type.isImage || type.spatial == Extent(1, 1)
    guard isLine, row.count(where: { $0 != 1 }) <= 1 else { throw refusal("a reshape that keeps its axes") }
    let main: OnnxAxis = type.isImage ? .channel : .feature
    let mainIndex = row.firstIndex { $0 != 1 } ?? 0
    result.axes = [.batch] + row.indices.map { $0 == mainIndex ? main : .one }
    return result
  }

  // MARK: Pad and Slice

  /// Pad: of channels a `channelPad`; of height and width it is kept for the next convolution or pool.
  mutating func pad(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0, padded: true)
    let mode = node.text("mode", default: "constant")
    guard mode == "constant" || mode == "reflect" else {
      throw fault(node, "constant or reflecting padding", mode)
    }
    let isOldest = node.attribute("paddings") != nil
    let stated = try numbers(node, isOldest ? "paddings" : "pads", 1)
    let count = x.axes.count
    let chosen = try axes(node, input: 3, count: count)
    let padded = chosen ?? Array(0..<count)
    guard stated.count == 2 * padded.count, stated.allSatisfy({ (0...maximumAttribute).contains($0) }) else {
      throw fault(node, "\(2 * padded.count) paddings from 0 to \(maximumAttribute)", "\(stated.prefix(17))")
    }
    var amounts: [OnnxAxis: (before: Int, after: Int)] = [:]
    for (index, axis) in padded.enumerated() where stated[index] + stated[padded.count + index] > 0 {
      amounts[x.axes[axis]] = (stated[index], stated[padded.count + index])
    }
    let value = node.input(2) == nil ? node.float("value", default: 0) : try number(node, 2)
    if let channels = amounts.removeValue(forKey: .channel) {
      guard amounts.isEmpty, x.padding == nil, value == 0, mode == "constant", graph[x.value].type.isImage
      else {
        throw fault(node, "zero channels alone", "\(stated)")
      }
      let result = try append(
        .channelPad(.init(before: channels.before, after: channels.after)), [x.value], node)
      if nonNegative.contains(x.value) { nonNegative.insert(result) }
      return try set(node, .activation(OnnxActivation(value: result, axes: x.axes)))
    }
    guard !amounts.isEmpty else { return try set(node, .activation(x)) }
    let (rows, columns) = (amounts.removeValue(forKey: .height), amounts.removeValue(forKey: .width))
    guard amounts.isEmpty, x.padding == nil else {
      throw fault(node, "padding of height and width, once", "\(stated)")
    }
    let sides = Padding(
      top: rows?.before ?? 0, left: columns?.before ?? 0, bottom: rows?.after ?? 0,
      right: columns?.after ?? 0)
    if mode == "reflect" {
      let result = try append(.reflectPad(.init(padding: sides)), [x.value], node)
      if nonNegative.contains(x.value) { nonNegative.insert(result) }
      return try set(node, .activation(OnnxActivation(value: result, axes: x.axes)))
    }
    (x.padding, x.paddingValue) = (sides, value)
    try set(node, .activation(x))
  }

  /// Slice of every n-th row and column of the whole image: the shortcut of option A.
  mutating func slice(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0)
    let isOld = node.integers("starts") != nil
    let starts = try numbers(node, "starts", 1)
    let ends = try numbers(node, "ends", 2)
    let steps =
      try isOld || node.input(4) == nil ? [Int](repeating: 1, count: starts.count) : knownNumbers(node, 4)
    let chosen = try axes(node, input: 3, count: x.axes.count)
    let sliced = chosen ?? Array(starts.indices)
    guard starts.count == ends.count, starts.count == steps.count, starts.count == sliced.count,
      sliced.allSatisfy({ $0 < x.axes.count })
    else { throw fault(node, "starts, ends, axes and steps of one length", "others") }
    var strides: [OnnxAxis: Int] = [:]
    // All channels backwards.
    if sliced.count == 1, x.axes[sliced[0]] == .channel, steps == [-1] {
      let count = graph[x.value].type.channels
      if [-1, count - 1].contains(starts[0]), ends[0] < -count {
        return try permuteChannels(x, (0..<count).reversed(), node)
      }
    }
    for (index, axis) in sliced.enumerated() {
      let size = size(x.axes[axis], x)
      guard starts[index] == 0, ends[index] >= size ?? fixedBatch ?? Int(Int32.max), steps[index] >= 1,
        steps[index] == 1 || [.height, .width].contains(x.axes[axis])
      else { throw fault(node, "every n-th row and column of the whole image", "a part of it") }
      strides[x.axes[axis]] = steps[index]
    }
    let extent = Extent(strides[.height] ?? 1, strides[.width] ?? 1)
    guard extent != Extent(1, 1) else { return try set(node, .activation(x)) }
    let value = try append(.stridedSlice(.init(strides: extent)), [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }
}
