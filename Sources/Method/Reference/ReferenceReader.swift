import FixresBase
import FixresIR
import FixresImaging

/// Reads the two files of a reference.
package enum ReferenceReader {
  /// Most bytes of a pair that a model keeps.
  package static let keptByteCount = 16 << 20
  /// Keys of a JSON object that hold its outputs.
  private static let outputKeys = ["logits", "outputs", "output", "scores", "probabilities", "predictions"]

  /// The pair of `input`, a `.npy` tensor `[N, C, H, W]` or `[C, H, W]` or a picture, and `outputs`, `.npy` or JSON.
  ///
  /// A picture's preprocessing and size are those of `model`.
  ///
  /// - Throws: `MethodError.reference`.
  package static func read(
    input: String, outputs: String, for model: Model, appliesOrientation: Bool = false
  ) throws(MethodError) -> ReferencePair {
    do { return try pair(input, outputs, for: model, exif: appliesOrientation) } catch {
      throw .reference(error)
    }
  }

  private static func pair(
    _ input: String, _ outputs: String, for model: Model, exif appliesOrientation: Bool
  ) throws(ReferenceFault) -> ReferencePair {
    let bytes = try open(input)
    let name = input.split(separator: "/").last.map(String.init) ?? input
    let given = try self.outputs(outputs)
    guard given.values.allSatisfy(\.isFinite) else { throw .notFinite(path: outputs) }
    let read: ReferencePair.Input
    var count = 1
    if Npy.isNpy(bytes) {
      let tensor = try self.tensor(bytes, path: input)
      count = tensor.shape[0]
      read = .tensor(tensor)
    } else {
      do { _ = try PictureDecoder.header(of: bytes) } catch { throw .picture(path: input, error) }
      read = .picture(
        .init(
          bytes: bytes, preprocessing: model.metadata.preprocessing, size: model.graph.resolution,
          appliesOrientation: appliesOrientation))
    }
    let rows = try self.rows(given, inputs: count, path: outputs)
    guard ReferenceOutputs(rows) != nil else { throw .uninformative(path: outputs) }
    let pair = ReferencePair(name: name, input: read, outputs: rows)
    try check(pair, against: model, input, outputs)
    return pair
  }

  /// Checks a pair that was made in memory as one that was read.
  ///
  /// - Throws: `MethodError.reference`.
  static func check(_ pair: ReferencePair, for model: Model) throws(MethodError) {
    do { try checkForm(pair, model) } catch { throw .reference(error) }
  }

  private static func checkForm(_ pair: ReferencePair, _ model: Model) throws(ReferenceFault) {
    var inputs = 1
    switch pair.input {
    case .tensor(let tensor):
      guard tensor.shape.count == 4, tensor.shape.allSatisfy({ $0 > 0 }) else {
        throw .inputShape(path: pair.name, found: tensor.shape)
      }
      guard tensor.floats.allSatisfy(\.isFinite) else { throw .notFinite(path: pair.name) }
      inputs = tensor.shape[0]
    case .picture(let picture):
      do { _ = try PictureDecoder.header(of: picture.bytes) } catch {
        throw .picture(path: pair.name, error)
      }
    }
    guard pair.outputs.shape.count == 2, pair.outputs.shape[0] == inputs else {
      throw .outputShape(path: pair.name, inputs: inputs, found: pair.outputs.shape)
    }
    guard pair.outputs.floats.allSatisfy(\.isFinite) else { throw .notFinite(path: pair.name) }
    guard ReferenceOutputs(pair.outputs) != nil else { throw .uninformative(path: pair.name) }
    try check(pair, against: model, pair.name, pair.name)
  }

  /// Refuses a pair of other channels or classes than the model's.
  private static func check(
    _ pair: ReferencePair, against model: Model, _ input: String, _ outputs: String
  ) throws(ReferenceFault) {
    let channels = model.graph.imageInput?.type.channels ?? 0
    if case .tensor(let tensor) = pair.input, tensor.shape[1] != channels {
      throw .channels(path: input, expected: channels, found: tensor.shape[1])
    }
    let classes = model.outputCount
    guard pair.outputs.shape[1] == classes else {
      throw .classes(path: outputs, expected: classes, found: pair.outputs.shape[1])
    }
  }

  private static func open(_ path: String) throws(ReferenceFault) -> Bytes {
    do { return try FileContents.read(path) } catch { throw .file(error) }
  }

  // MARK: Inputs

  private static func tensor(_ bytes: Bytes, path: String) throws(ReferenceFault) -> Tensor {
    let array: NpyArray
    do { array = try Npy.read(bytes) } catch { throw .npy(path: path, error) }
    let shape = array.shape.count == 3 ? [1] + array.shape : array.shape
    guard shape.count == 4, shape.allSatisfy({ $0 > 0 }) else {
      throw .inputShape(path: path, found: array.shape)
    }
    let isPlanar = [1, 3, 4].contains(shape[1])
    if !isPlanar, [1, 3, 4].contains(shape[3]) { throw .channelsLast(path: path, found: array.shape) }
    guard isPlanar, shape[2] <= 32768, shape[3] <= 32768 else {
      throw .inputShape(path: path, found: array.shape)
    }
    guard array.count <= 1 << 28 else { throw .tooLarge(path: path, shape: shape) }
    let values = array.floats()
    guard values.allSatisfy(\.isFinite) else { throw .notFinite(path: path) }
    return Tensor(shape: shape, values)
  }

  // MARK: Outputs

  /// Numbers and their shape, of one dimension at least.
  private struct Numbers {
    var values: [Float]
    var shape: [Int]
  }

  private static func outputs(_ path: String) throws(ReferenceFault) -> Numbers {
    let bytes = try open(path)
    if Npy.isNpy(bytes) {
      let array: NpyArray
      do { array = try Npy.read(bytes) } catch { throw .npy(path: path, error) }
      guard array.count <= 1 << 26 else { throw .tooLarge(path: path, shape: array.shape) }
      return Numbers(values: array.floats(), shape: array.shape)
    }
    // A zip (.npz, .pt) or a text of columns would only give a puzzling fault of JSON.
    guard let first = bytes.firstVisible, first == UInt8(ascii: "[") || first == UInt8(ascii: "{") else {
      throw .outputs(path: path)
    }
    let json: JSON
    do { json = try JSON.parse(bytes) } catch { throw .json(path: path, error) }
    var numbers = Numbers(values: [], shape: [])
    guard flatten(list(in: json), 0, &numbers) else { throw .outputs(path: path) }
    return numbers
  }

  /// The list of numbers in `json`: itself, or a member of an object by a usual key or as the only list.
  private static func list(in json: JSON) -> JSON {
    guard let object = json.objectValue else { return json }
    for key in outputKeys {
      if let list = object[key], list.arrayValue != nil { return list }
    }
    let lists = object.members.filter { $0.value.arrayValue != nil }
    return lists.count == 1 ? lists[0].value : json
  }

  /// Appends the numbers of a nested list; false where it is none, or not rectangular.
  private static func flatten(_ json: JSON, _ depth: Int, _ numbers: inout Numbers) -> Bool {
    guard let list = json.arrayValue, !list.isEmpty, depth < 4 else { return false }
    if numbers.shape.count == depth { numbers.shape.append(list.count) }
    guard numbers.shape[depth] == list.count else { return false }
    for element in list {
      if let number = element.doubleValue {
        guard numbers.shape.count == depth + 1 else { return false }
        numbers.values.append(Float(number))
      } else if !flatten(element, depth + 1, &numbers) {
        return false
      }
    }
    return true
  }

  /// `numbers` as `[inputs, outputs]`: trailing sides of 1 dropped, one row for one input.
  private static func rows(
    _ numbers: Numbers, inputs: Int, path: String
  ) throws(ReferenceFault) -> Tensor {
    var shape = numbers.shape
    while shape.count > 2, shape.last == 1 { shape.removeLast() }
    if shape.count == 1, inputs == 1 { shape = [1] + shape }
    guard shape.count == 2, shape[0] == inputs, shape[1] > 0 else {
      throw .outputShape(path: path, inputs: inputs, found: numbers.shape)
    }
    return Tensor(shape: shape, numbers.values)
  }
}

extension Model {
  /// Length of what a reference compares: the scores, or of a network without classifier the pooled features.
  var outputCount: Int {
    let output = graph.output(GraphOutput.logits) ?? graph.output(GraphOutput.features)
    return output.map { graph[$0].type.elementCount } ?? 0
  }
}

extension Npy {
  fileprivate static func isNpy(_ bytes: Bytes) -> Bool { bytes.starts(with: [0x93] + Array("NUMPY".utf8)) }
}

extension Bytes {
  /// The first byte that is no white space.
  fileprivate var firstVisible: UInt8? {
    withUnsafeBytes { bytes in bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } }
  }
}
