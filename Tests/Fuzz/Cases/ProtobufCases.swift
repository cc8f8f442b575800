import FixresBase
import FixresFormats

/// ONNX files: the tree of messages with fields removed, repeated, exchanged, given other numbers and types.
enum ProtobufCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat(
        "onnx",
        seeds: ["onnx", "onnx-forms"].flatMap { Corpus.files(in: $0, suffix: ".onnx", atMost: 1500) },
        share: 80,
        mutate: mutate, read: read)
    ]
  }

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    FuzzFormat.verdict {
      let file = SourceFile(bytes, path: "/nowhere/case.onnx")
      _ = try Importer.load(file)
    }
  }

  // MARK: Messages

  private indirect enum Payload {
    case varint(UInt64)
    case raw([UInt8])
    case bytes([UInt8])
    case message([Field])
  }

  private struct Field {
    var number: Int
    /// 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
    var wire: Int
    var payload: Payload
  }

  /// The fields of `bytes` where they are a whole message of plausible fields.
  private static func parse(_ bytes: ArraySlice<UInt8>, depth: Int) -> [Field]? {
    var (fields, place) = ([Field](), bytes.startIndex)
    func varint() -> UInt64? {
      var (value, shift) = (UInt64(0), UInt64(0))
      while place < bytes.endIndex, shift < 64 {
        let byte = bytes[place]
        place += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
      return nil
    }
    while place < bytes.endIndex {
      guard let key = varint(), key >> 3 > 0, key >> 3 < 64 else { return nil }
      let wire = Int(key & 7)
      switch wire {
      case 0:
        guard let value = varint() else { return nil }
        fields.append(Field(number: Int(key >> 3), wire: 0, payload: .varint(value)))
      case 1, 5:
        let width = wire == 1 ? 8 : 4
        guard bytes.endIndex - place >= width else { return nil }
        fields.append(
          Field(number: Int(key >> 3), wire: wire, payload: .raw(Array(bytes[place..<place + width]))))
        place += width
      case 2:
        guard let length = varint(), length <= UInt64(bytes.endIndex - place) else { return nil }
        let part = bytes[place..<place + Int(length)]
        place += Int(length)
        let isMessage = depth > 0 && part.count > 1
        let inner = isMessage ? parse(part, depth: depth - 1) : nil
        fields.append(
          Field(number: Int(key >> 3), wire: 2, payload: inner.map(Payload.message) ?? .bytes(Array(part))))
      default: return nil
      }
    }
    return fields
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private static func encode(_ fields: [Field]) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in fields {
      append(UInt64(field.number) << 3 | UInt64(field.wire), to: &bytes)
      switch field.payload {
      case .varint(let value): append(value, to: &bytes)
      case .raw(let raw): bytes += raw
      case .bytes(let part):
        append(UInt64(part.count), to: &bytes)
        bytes += part
      case .message(let inner):
        let part = encode(inner)
        append(UInt64(part.count), to: &bytes)
        bytes += part
      }
    }
    return bytes
  }

  // MARK: Changes

  private static func mutate(_ file: inout [UInt8], _ dice: inout Dice) {
    guard var fields = parse(file[...], depth: 6), !fields.isEmpty else {
      return GenericMutator.number(&file, &dice)
    }
    change(&fields, &dice)
    file = encode(fields)
    if dice.once(in: 30) { GenericMutator.number(&file, &dice) }
  }

  /// Changes one field of a random message of the tree.
  private static func change(_ fields: inout [Field], _ dice: inout Dice) {
    guard !fields.isEmpty else { return }
    let place = dice.below(fields.count)
    if case .message(var inner) = fields[place].payload, dice.below(5) > 0 {
      change(&inner, &dice)
      fields[place].payload = .message(inner)
      return
    }
    switch dice.below(9) {
    case 0: fields.remove(at: place)
    case 1: fields.insert(fields[place], at: dice.below(fields.count + 1))
    case 2: fields.swapAt(place, dice.below(fields.count))
    case 3: fields[place].number = 1 + dice.below(24)
    case 4:
      let number = dice.once(in: 2) ? fields[place].number : 1 + dice.below(24)
      fields.insert(Field(number: number, wire: 0, payload: .varint(dice.interesting(8))), at: place)
    case 5: nest(&fields, place, &dice)
    default: payload(&fields[place], fields, &dice)
    }
  }

  private static func payload(_ field: inout Field, _ others: [Field], _ dice: inout Dice) {
    switch field.payload {
    case .varint: field.payload = .varint(dice.once(in: 2) ? dice.interesting(8) : UInt64(dice.below(24)))
    case .raw(var raw):
      raw.putLittle(dice.interesting(raw.count), at: 0, raw.count)
      if dice.once(in: 2) { raw = Array(repeating: dice.pick([0, 0x7F, 0xFF, 0x80]), count: raw.count) }
      field.payload = .raw(raw)
    case .bytes(var part):
      switch dice.below(5) {
      case 0:
        // A name or text of another field.
        if case .bytes(let other) = dice.pick(others).payload { part = other }
      case 1: part = Array(dice.pick(words).utf8)
      case 2 where part.count >= 4: part.putLittle(dice.interesting(4), at: 4 * dice.below(part.count / 4), 4)
      case 3: part.removeLast(min(part.count, 1 + dice.below(8)))
      default: GenericMutator.mutate(&part, others: [part], &dice)
      }
      field.payload = .bytes(part)
    case .message: field.payload = .bytes((0..<dice.below(12)).map { _ in UInt8(dice.below(256)) })
    }
  }

  private static func nest(_ fields: inout [Field], _ place: Int, _ dice: inout Dice) {
    var inner = [fields[place]]
    let number = dice.once(in: 2) ? fields[place].number : 1 + dice.below(16)
    for _ in 0..<(dice.once(in: 8) ? 300 : 1 + dice.below(5)) {
      inner = [Field(number: number, wire: 2, payload: .message(inner))]
    }
    fields[place] = inner[0]
  }

  private static let words = [
    "Conv", "BatchNormalization", "Relu", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Gemm",
    "MatMul", "Flatten",
    "Reshape", "Transpose", "Pad", "Concat", "Slice", "Constant", "Identity", "Clip", "Mul", "Sub", "Div",
    "ReduceMean",
    "Softmax", "Sigmoid", "HardSwish", "LeakyRelu", "Shape", "Gather", "Unsqueeze", "Squeeze", "Cast", "Erf",
    "Sqrt", "Pow",
    "If", "Loop", "ArgMax", "QuantizeLinear", "kernel_shape", "strides", "pads", "dilations", "group",
    "auto_pad",
    "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "axis", "axes", "perm", "alpha", "beta", "transB",
    "ceil_mode",
    "count_include_pad", "epsilon", "value", "shape", "ai.onnx.ml", "", "location", "../x", "offset",
    "length",
  ]
}
