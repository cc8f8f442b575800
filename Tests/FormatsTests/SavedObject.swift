import FixresBase
import FixresFormats

/// A Python object as a training script saves it, written as `torch.save` writes it.
indirect enum SavedObject {
  case tensor(shape: [Int], values: [Float])
  case dictionary([(key: String, value: SavedObject)])
  case tuple([SavedObject])
  case integer(Int)
  case text(String)

  /// A state dictionary.
  init(_ tensors: NamedTensors) {
    self = .dictionary(tensors.tensors.map { ($0.name, .tensor(shape: $0.shape, values: $0.values)) })
  }

  /// The state of an optimizer with one moment of each weight.
  static func optimizer(_ tensors: NamedTensors) -> SavedObject {
    let state = tensors.tensors.prefix(3).enumerated().map { index, tensor in
      ("\(index)", SavedObject.dictionary([("exp_avg", .tensor(shape: tensor.shape, values: tensor.values))]))
    }
    return .dictionary([("state", .dictionary(state)), ("param_groups", .tuple([.integer(1)]))])
  }

  /// An archive of PyTorch 1.6 and later.
  var zip: [UInt8] {
    var pickle = SavedPickle(isLegacy: false)
    let bytes = pickle.pickle(self)
    return CheckpointFiles.torchZip(bytes, storages: pickle.storages.map { ($0.key, $0.bytes) })
  }

  /// A file of PyTorch before 1.6.
  var legacy: [UInt8] {
    var pickle = SavedPickle(isLegacy: true)
    let object = pickle.pickle(self)
    let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    var file: [UInt8] = [0x80, 2, 0x8A, 10] + magic + Array(".".utf8)
    file += [0x80, 2, UInt8(ascii: "M")] + CheckpointFiles.little(UInt16(1001)) + Array(".".utf8)
    file += CheckpointFiles.pickledDictionary([("little_endian", [0x88])]) + object
    let keys = SavedPickle(isLegacy: true)
    file += keys.list(pickle.storages.map(\.key))
    for storage in pickle.storages {
      file += CheckpointFiles.little(Int64(storage.bytes.count / 4)) + storage.bytes
    }
    return file
  }
}

/// A pickle of protocol 2 and the storages that its tensors refer to.
private struct SavedPickle {
  let isLegacy: Bool
  private(set) var storages: [(key: String, bytes: [UInt8])] = []

  init(isLegacy: Bool) { self.isLegacy = isLegacy }

  mutating func pickle(_ object: SavedObject) -> [UInt8] { [0x80, 2] + encoded(object) + Array(".".utf8) }

  func list(_ keys: [String]) -> [UInt8] {
    [0x80, 2] + Array("](".utf8) + keys.flatMap(text) + Array("e.".utf8)
  }

  private mutating func encoded(_ object: SavedObject) -> [UInt8] {
    switch object {
    case .integer(let value): return integer(value)
    case .text(let value): return text(value)
    case .tuple(let items):
      var bytes = Array("(".utf8)
      for item in items { bytes += encoded(item) }
      return bytes + Array("t".utf8)
    case .dictionary(let entries):
      var bytes = Array("}(".utf8)
      for (key, value) in entries { bytes += text(key) + encoded(value) }
      return bytes + Array("u".utf8)
    case .tensor(let shape, let values): return tensor(shape, values)
    }
  }

  private mutating func tensor(_ shape: [Int], _ values: [Float]) -> [UInt8] {
    let key = "\(storages.count)"
    storages.append((key, values.flatMap { CheckpointFiles.little($0.bitPattern) }))
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let open = Array("(".utf8)
    let close = Array("t".utf8)
    var bytes = Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8)
    bytes += open + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text(key) + text("cpu")
    bytes += integer(values.count) + (isLegacy ? Array("N".utf8) : []) + close + Array("Q".utf8)
    bytes += integer(0) + open + shape.flatMap(integer) + close + open + strides.flatMap(integer) + close
    return bytes + [0x89] + Array("ccollections\nOrderedDict\n)RtR".utf8)
  }

  private func integer(_ value: Int) -> [UInt8] { Array("J".utf8) + CheckpointFiles.little(Int32(value)) }

  private func text(_ value: String) -> [UInt8] {
    Array("X".utf8) + CheckpointFiles.little(UInt32(value.utf8.count)) + Array(value.utf8)
  }
}
